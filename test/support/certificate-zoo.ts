/**
 * Certificates that a peer may show, and what becomes of each: the table of `core/tls/zoo.test.ts`.
 * All are about one name, and wrong in one way each.
 */

import { encodeElement, encodeSequence } from '../../core/identity/der-write.ts';
import {
  addressName,
  type Certificate,
  type CertificateShape,
  dnsName,
  encodeExtension,
  encodeName,
  encodePem,
  mailName,
  makeCertificate,
  makeIssuer,
  makeLeaf,
  makeRoot,
  meshName,
  oids,
  uriName,
  usages,
} from './certificates.ts';

export interface ZooRow {
  readonly what: string;
  /** The leaf first. */
  readonly chain: readonly Certificate[];
  /** Whom the judge trusts; the zoo's root by default. */
  readonly roots?: readonly Certificate[];
  /** Who it is then; for what is refused, a part of the reason. */
  readonly name?: string;
  readonly refused?: string;
  /** Refused as a server only, or as a client only, with this reason. */
  readonly asServer?: string;
  readonly asClient?: string;
}

export const zooName = meshName('web');
const otherName = meshName('evil');
const bad = 'its certificate is not good: ';
const now = Date.now();
const hour = 3_600_000;
const root = makeRoot();
export const zooRoot = root;
const issuer = makeIssuer(root);
const leaf = (shape: CertificateShape = {}): Certificate => makeLeaf(issuer, zooName, shape);
const named = (...names: readonly Buffer[]): Certificate[] => [leaf({ names }), issuer];
const withNames = (value: Buffer): Certificate[] => [
  leaf({ names: [], extensions: [encodeExtension(oids.names, value)] }),
  issuer,
];
const expired = { notBefore: now - 2 * hour, notAfter: now - hour };
const early = { notBefore: now + hour, notAfter: now + 2 * hour };
const stranger = makeRoot({ subject: 'stranger' });
const twin = makeRoot();
const chainOf = (length: number): Certificate[] => {
  const chain = [makeIssuer(root, { subject: 'issuer 0' })];
  for (let at = 1; at < length; at++) {
    chain.unshift(makeIssuer(chain[0], { subject: `issuer ${at}` }));
  }
  return [makeLeaf(chain[0], zooName), ...chain];
};
const kinded = (rootKey: 'rsa2048' | 'ed25519' | 'p384' | 'p521' | 'rsa1024'): ZooRow => {
  const own = makeRoot({ key: rootKey });
  const between = makeIssuer(own, { key: rootKey });
  return {
    what: `issuers with ${rootKey}`,
    chain: [makeLeaf(between, zooName), between],
    roots: [own],
    ...(rootKey === 'rsa1024' ? { refused: bad } : { name: zooName }),
  };
};
const under = (shape: CertificateShape): Certificate[] => {
  const between = makeIssuer(root, shape);
  return [makeLeaf(between, zooName), between];
};
const expiredRoot = makeRoot(expired);
const oldRoot = makeRoot({ subject: 'old root' });
const oldChain = ((): Certificate[] => {
  const between = makeIssuer(oldRoot, { subject: 'old issuer' });
  return [makeLeaf(between, zooName), between];
})();
const unknownOid = '2b06010401869f01';
const constrained = (kind: 0xa0 | 0xa1, domain: string): Certificate[] => {
  const subtree = encodeElement(kind, encodeSequence(dnsName(domain)));
  return under({
    extensions: [encodeExtension(oids.nameConstraints, encodeSequence(subtree), true)],
  });
};
const selfSigned = makeCertificate({ subject: 'self', names: [dnsName(zooName)] });
const shortPath = makeIssuer(root, { subject: 'short', ca: { pathLength: 0 } });
const beyondPath = makeIssuer(shortPath, { subject: 'beyond' });
const notCa = makeIssuer(root, { subject: 'no ca', ca: false, keyUsage: 0x80 });
const cannotSign = makeIssuer(root, { subject: 'cannot sign', keyUsage: 0x80 });
const version1 = makeIssuer(root, { subject: 'version 1', version: 1 });
const sha1 = makeIssuer(root, { subject: 'sha1', hash: 'sha1' });
const spiffe = 'spiffe://mesh.local/ns/demo/sa/web';

/** Trusted, and someone, but whom only the exact name tells. */
const names: readonly ZooRow[] = [
  { what: 'as the mesh makes it', chain: named(dnsName(zooName)), name: zooName },
  {
    what: 'two names, ours first',
    chain: named(dnsName(zooName), dnsName(otherName)),
    name: zooName,
  },
  {
    what: 'two names, ours second',
    chain: named(dnsName(otherName), dnsName(zooName)),
    name: otherName,
  },
  { what: 'another name', chain: named(dnsName(otherName)), name: otherName, asServer: 'not web.' },
  {
    what: 'the name in another trust domain',
    chain: named(dnsName(zooName.replace('mesh.local', 'other.local'))),
    name: zooName.replace('mesh.local', 'other.local'),
    asServer: 'not web.',
  },
  { what: 'a URI alone', chain: named(uriName(spiffe)), name: spiffe, asServer: 'not web.' },
  { what: 'a URI, then the name', chain: named(uriName(spiffe), dnsName(zooName)), name: spiffe },
  {
    what: 'an address beside the name',
    chain: named(addressName(10, 0, 0, 1), dnsName(zooName)),
    name: zooName,
  },
  {
    what: 'a mail address beside it',
    chain: named(mailName('a@b.c'), dnsName(zooName)),
    name: zooName,
  },
];

const noName = 'no name that is an identity';
const malformed = 'malformed';

const nobodies: readonly ZooRow[] = [
  { what: 'a wildcard', chain: named(dnsName(`*${zooName.slice(3)}`)), refused: noName },
  { what: 'a wildcard for all', chain: named(dnsName('*')), refused: noName },
  { what: 'upper case', chain: named(dnsName(zooName.toUpperCase())), refused: noName },
  { what: 'a final dot', chain: named(dnsName(`${zooName}.`)), refused: noName },
  { what: 'an empty label', chain: named(dnsName(zooName.replace('.', '..'))), refused: noName },
  { what: 'a label of 64', chain: named(dnsName(`${'a'.repeat(64)}.demo`)), refused: noName },
  {
    what: 'NUL and another name',
    chain: named(dnsName(`${zooName}\0.evil.test`)),
    refused: malformed,
  },
  { what: 'NUL at the end', chain: named(dnsName(`${zooName}\0`)), refused: malformed },
  {
    what: 'a letter outside of ASCII',
    chain: named(dnsName(`${zooName}\xe9`)),
    refused: malformed,
  },
  { what: 'a line break', chain: named(dnsName(`${zooName}\r\nx: y`)), refused: malformed },
  { what: 'an empty name', chain: named(dnsName('')), refused: malformed },
  {
    what: 'the common name alone',
    chain: [leaf({ subject: zooName, names: [] }), issuer],
    refused: noName,
  },
  { what: 'no name at all', chain: [leaf({ names: [] }), issuer], refused: noName },
  { what: 'an address alone', chain: named(addressName(127, 0, 0, 1)), refused: noName },
  { what: 'an address as a name', chain: named(dnsName('127.0.0.1')), refused: noName },
  { what: 'an address of 5 bytes', chain: named(addressName(1, 2, 3, 4, 5)), refused: noName },
  { what: 'a mail address alone', chain: named(mailName(`web@${zooName}`)), refused: noName },
  {
    what: 'a URI of another scheme',
    chain: named(uriName(`https://${zooName}/`)),
    refused: noName,
  },
  { what: 'a URI without a path', chain: named(uriName('spiffe://mesh.local')), refused: noName },
  {
    what: 'a URI that climbs',
    chain: named(uriName('spiffe://mesh.local/a/../b')),
    refused: noName,
  },
  { what: 'no name in the list', chain: withNames(encodeSequence()), refused: malformed },
  {
    what: 'bytes behind the list',
    chain: withNames(Buffer.concat([encodeSequence(dnsName(zooName)), Buffer.from([0])])),
    refused: malformed,
  },
  {
    what: 'names that are no DER',
    chain: withNames(Buffer.from('3080020100', 'hex')),
    refused: bad,
  },
  {
    what: 'a name longer than its list',
    chain: withNames(Buffer.from('3003827f41', 'hex')),
    refused: bad,
  },
  {
    what: 'the names twice',
    chain: [
      leaf({ extensions: [encodeExtension(oids.names, encodeSequence(dnsName(otherName)))] }),
      issuer,
    ],
    refused: '',
  },
  {
    what: 'more than 100 names',
    chain: named(
      ...Array.from({ length: 200 }, (_, at) => dnsName(`n${at}.test`)),
      dnsName(zooName),
    ),
    refused: malformed,
  },
  {
    what: 'a certificate of 40 KB',
    chain: [leaf({ extensions: [encodeExtension(unknownOid, Buffer.alloc(40_000))] }), issuer],
    refused: malformed,
  },
];

const untrusted: readonly ZooRow[] = [
  { what: 'expired', chain: [leaf(expired), issuer], refused: `${bad}CERT_HAS_EXPIRED` },
  { what: 'not valid yet', chain: [leaf(early), issuer], refused: `${bad}CERT_NOT_YET_VALID` },
  { what: 'an expired issuer', chain: under(expired), refused: `${bad}CERT_HAS_EXPIRED` },
  { what: 'an issuer not valid yet', chain: under(early), refused: `${bad}CERT_NOT_YET_VALID` },
  {
    what: 'an expired root',
    chain: [makeLeaf(expiredRoot, zooName)],
    roots: [expiredRoot],
    refused: `${bad}CERT_HAS_EXPIRED`,
  },
  { what: 'another root', chain: [makeLeaf(stranger, zooName)], refused: bad },
  {
    what: 'another root, which it shows',
    chain: [makeLeaf(stranger, zooName), stranger],
    refused: bad,
  },
  { what: 'another root of the same name', chain: [makeLeaf(twin, zooName)], refused: bad },
  {
    what: 'another root of the same name, shown',
    chain: [makeLeaf(twin, zooName), twin],
    refused: bad,
  },
  { what: 'expired, of another root', chain: [makeLeaf(stranger, zooName, expired)], refused: bad },
  { what: 'self-signed', chain: [selfSigned], refused: bad },
  { what: 'self-signed, beside a good issuer', chain: [selfSigned, issuer], refused: bad },
  { what: 'without its issuer', chain: [leaf()], refused: bad },
  { what: 'with an issuer of another', chain: [leaf(), makeIssuer(stranger)], refused: bad },
  {
    what: 'a signature with one bit changed',
    chain: [leaf({ forge: flipLast }), issuer],
    refused: '',
  },
  {
    what: 'bytes changed after they were signed',
    chain: [forgeName(leaf()), issuer],
    refused: bad,
  },
  { what: 'an issuer that is no CA', chain: [makeLeaf(notCa, zooName), notCa], refused: bad },
  {
    what: 'an issuer that may not sign',
    chain: [makeLeaf(cannotSign, zooName), cannotSign],
    refused: bad,
  },
  { what: 'a leaf as issuer', chain: [makeLeaf(leaf(), zooName), leaf(), issuer], refused: bad },
  { what: 'an issuer of version 1', chain: [makeLeaf(version1, zooName), version1], refused: bad },
  {
    what: 'a path longer than its CA allows',
    chain: [makeLeaf(beyondPath, zooName), beyondPath, shortPath],
    refused: bad,
  },
  { what: 'an issuer signed with SHA-1', chain: [makeLeaf(sha1, zooName), sha1], refused: bad },
  { what: 'itself signed with SHA-1', chain: [leaf({ hash: 'sha1' }), issuer], refused: bad },
  {
    what: 'an extension that is critical and unknown',
    chain: [leaf({ extensions: [encodeExtension(unknownOid, Buffer.from([5, 0]), true)] }), issuer],
    refused: bad,
  },
  { what: 'a name that its CA excludes', chain: constrained(0xa1, 'mesh.local'), refused: bad },
  {
    what: 'a name that its CA does not permit',
    chain: constrained(0xa0, 'other.local'),
    refused: bad,
  },
  { what: 'no issuer in it', chain: [leaf({ issuerName: encodeName('') }), issuer], refused: bad },
  { what: 'six issuers', chain: chainOf(6), refused: 'too long' },
  { what: 'twenty issuers', chain: chainOf(20), refused: 'too long' },
  {
    what: 'ten issuers that have nothing to do with it',
    chain: [leaf(), issuer, ...chainOf(10)],
    refused: 'too long',
  },
  {
    what: 'a usage for code',
    chain: [leaf({ extendedKeyUsage: [usages.codeSigning] }), issuer],
    refused: bad,
  },
  {
    what: 'a usage for servers alone',
    chain: [leaf({ extendedKeyUsage: [usages.server] }), issuer],
    name: zooName,
    asClient: bad,
  },
  {
    what: 'a usage for clients alone',
    chain: [leaf({ extendedKeyUsage: [usages.client] }), issuer],
    name: zooName,
    asServer: bad,
  },
  { what: 'the old root, which is gone', chain: oldChain, refused: bad },
];

const trusted: readonly ZooRow[] = [
  { what: 'the old root beside the new', chain: oldChain, roots: [root, oldRoot], name: zooName },
  {
    what: 'the new root beside the old',
    chain: [leaf(), issuer],
    roots: [oldRoot, root],
    name: zooName,
  },
  { what: 'signed by the root itself', chain: [makeLeaf(root, zooName)], name: zooName },
  { what: 'the root at the end of the chain', chain: [leaf(), issuer, root], name: zooName },
  { what: 'the issuer twice', chain: [leaf(), issuer, issuer], name: zooName },
  {
    what: 'another certificate beside its chain',
    chain: [leaf(), issuer, stranger],
    name: zooName,
  },
  { what: 'three issuers', chain: chainOf(3), name: zooName },
  { what: 'three issuers in the wrong order', chain: swap(chainOf(3)), name: zooName },
  { what: 'a name that its CA permits', chain: constrained(0xa0, 'mesh.local'), name: zooName },
  {
    what: 'an extension that is unknown',
    chain: [leaf({ extensions: [encodeExtension(unknownOid, Buffer.from([5, 0]))] }), issuer],
    name: zooName,
  },
  { what: 'a key on P-384', chain: [leaf({ key: 'p384' }), issuer], name: zooName },
  { what: 'a key on P-521', chain: [leaf({ key: 'p521' }), issuer], name: zooName },
  { what: 'an Ed25519 key', chain: [leaf({ key: 'ed25519' }), issuer], name: zooName },
  { what: 'an RSA key of 2048 bits', chain: [leaf({ key: 'rsa2048' }), issuer], name: zooName },
  kinded('rsa2048'),
  kinded('ed25519'),
  kinded('p384'),
  kinded('p521'),
  kinded('rsa1024'),
];

export const zoo: readonly ZooRow[] = [...names, ...nobodies, ...untrusted, ...trusted];

function flipLast(signature: Buffer): Buffer {
  const forged = Buffer.from(signature);
  forged[forged.length - 1] ^= 1;
  return forged;
}

/** One letter of the name, behind the signature's back. */
function forgeName(made: Certificate): Certificate {
  const der = Buffer.from(made.der);
  der[der.indexOf(zooName)] ^= 1;
  return { ...made, der, pem: encodePem(der) };
}

function swap(chain: readonly Certificate[]): Certificate[] {
  const [first, ...rest] = chain;
  return [first, ...rest.toReversed()];
}
