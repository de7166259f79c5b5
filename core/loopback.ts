/**
 * Which addresses reach this machine alone. What listens elsewhere needs tokens, and a twin is believed only here: one answer for both.
 */

const octet = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const loopbackPattern = new RegExp(`^127(?:\\.${octet}){3}$`);

/** True for `localhost`, 127.0.0.0/8 and ::1 (bare or in brackets). A name or number that merely resembles one is not loopback. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || loopbackPattern.test(host);
}
