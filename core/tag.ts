/**
 * A text in 16 hexadecimal digits, for names that are too short for it: FNV-1a, 64 bits. For telling a thousand things apart, not for keeping secrets. In two halves of 32 bits:
 * names are asked for thousands of times a second, and whole 64 bits would be big integers.
 */
export function tagOf(text: string): string {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  // What is named in AWS is ASCII: a character is a byte.
  for (let at = 0; at < text.length; at++) {
    low = (low ^ text.charCodeAt(at)) >>> 0;
    // Times 2^40 + 0x1b3.
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + Math.floor(product / 2 ** 32) + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  return [high, low].map((half) => half.toString(16).padStart(8, '0')).join('');
}
