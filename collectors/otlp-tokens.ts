/** Who may send, by a token each. Names are told and written down, tokens never. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Sender's name to its token. */
export type Tokens = Readonly<Record<string, string>>;

/** The sender where no tokens are set: whoever reaches the loopback address. */
export const localSender = 'local';

/** Answers the sender's name for an Authorization header; undefined for nobody we know. */
export type SenderOf = (authorization: string | undefined) => string | undefined;

export function createSenderOf(tokens: Tokens): SenderOf {
  const known = Object.entries(tokens).map(([sender, token]) => ({ sender, digest: digestOf(token) }));
  if (known.length === 0) return () => localSender;
  return (authorization) => {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return undefined;
    const digest = digestOf(token);
    // All are compared, each in the same time whatever it holds: how long it takes tells nothing of any token.
    let sender: string | undefined;
    for (const entry of known) if (timingSafeEqual(entry.digest, digest)) ({ sender } = entry);
    return sender;
  };
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
