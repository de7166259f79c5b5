import { expect, it } from 'vitest';
import { addressClassOf } from './feed-address.ts';

it.each([
  ['public', ['93.184.215.14', '172.32.0.1', '172.15.255.255', '100.128.0.0', '169.253.255.255', '2606:2800:21f::1']],
  ['loopback', ['127.0.0.1', '127.255.255.254', '::1', '[::1]', '::ffff:127.0.0.1', '::ffff:7f00:1']],
  [
    'private',
    ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', 'fd00:ec2::254', '::ffff:a00:1'],
  ],
  // The metadata of a cloud among them.
  [
    'reserved',
    ['169.254.169.254', '::ffff:169.254.169.254', 'fe80::1%eth0', '0.0.0.0', '::', '224.0.0.1', '255.255.255.255'],
  ],
  ['reserved', ['2002:7f00:1::', '2001:db8::1', 'localhost', '', '127.1', '0x7f.0.0.1', '2130706433']],
  ['public', ['64:ff9b::5db8:d70e', '64:ff9b::93.184.215.14']],
  ['loopback', ['64:ff9b::7f00:1']],
  ['private', ['64:ff9b::10.0.0.1', '64:ff9b::a00:1']],
  ['reserved', ['64:ff9b::a9fe:a9fe']],
])('knows what is %s: %j', (name, addresses) => {
  expect(addresses.map(addressClassOf)).toEqual(addresses.map(() => name));
});
