/**
 * Which addresses a feed may be fetched from. A name is not enough: whoever owns it decides, at every question, which address it means, and this
 * machine can reach what the owner cannot: itself, its network, the cloud's metadata.
 *
 * - IANA special-purpose address registries (RFC 6890); RFC 6052 (IPv4 inside 64:ff9b::/96, as behind NAT64).
 */
import { BlockList, isIP } from 'node:net';

export type AddressClass = 'public' | 'loopback' | 'private' | 'reserved';

const ranges: Readonly<Record<Exclude<AddressClass, 'public'>, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'],
  reserved: [
    ...['0.0.0.0/8', '169.254.0.0/16', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15'],
    ...['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
    ...['::/128', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', '2002::/16', 'fe80::/10', 'fec0::/10'],
    ...['ff00::/8'],
  ],
};

const lists = Object.entries(ranges).map(([name, subnets]) => {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address, length] = subnet.split('/');
    list.addSubnet(address!, Number(length), address!.includes(':') ? 'ipv6' : 'ipv4');
  }
  return { name: name as AddressClass, list };
});

const throughNat64 = new BlockList();
throughNat64.addSubnet('64:ff9b::', 96, 'ipv6');

/** The class of an address, not of a name; `reserved` for what is no address. An IPv4 address inside an IPv6 one is judged as itself. */
export function addressClassOf(address: string): AddressClass {
  const bare = address.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '');
  const family = isIP(bare);
  if (family === 0) return 'reserved';
  const judged = family === 6 && throughNat64.check(bare, 'ipv6') ? lastFourBytes(bare) : bare;
  const found = lists.find(({ list }) => list.check(judged, isIP(judged) === 6 ? 'ipv6' : 'ipv4'));
  return found?.name ?? 'public';
}

function lastFourBytes(address: string): string {
  if (address.includes('.')) return address.slice(address.lastIndexOf(':') + 1);
  // The URL parser writes addresses in one way: no leading zeros, the longest run of zeros as `::`.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':');
  const [high, low] = groups.slice(-2).map((group) => Number.parseInt(group || '0', 16));
  return [high! >> 8, high! & 255, low! >> 8, low! & 255].join('.');
}
