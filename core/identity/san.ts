/**
 * The subject alternative names of a certificate (RFC 5280, 4.2.1.6), read by hand: the text that
 * Node makes of them has been ambiguous (CVE-2021-44532), and here a name with a NUL, a second
 * extension or a byte too many makes the whole certificate malformed. The signature is not looked
 * at: TLS has verified it.
 */

import { certificateBytesMax, certificateExtensionsMax, subjectNamesMax } from '../base/limits.ts';
import { type Element, readElement, readElements, readTagged, Tag } from './der.ts';

interface SubjectName {
  readonly kind: 'dns' | 'uri';
  /** As it is in the certificate: printable ASCII, in whatever case. */
  readonly name: string;
}

interface SubjectNames {
  /** In their order in the certificate. */
  readonly names: readonly SubjectName[];
  /** There is one of another kind: an address, an e-mail address, a directory name. */
  readonly hasOther: boolean;
}

/** Null when the certificate is malformed. One without the extension has no names. */
export function readSubjectNames(der: Uint8Array): SubjectNames | null {
  if (der.length > certificateBytesMax) return null;
  const extensions = findExtensions(der);
  if (extensions === null) return null;
  let names: SubjectNames | null = { names: [], hasOther: false };
  const seen = new Set<string>();
  for (const extension of extensions) {
    const read = readExtension(der, extension);
    if (read === null || seen.has(read.oid)) return null;
    seen.add(read.oid);
    if (read.oid === subjectAltName) names = readGeneralNames(der, read.value);
    if (names === null) return null;
  }
  return names;
}

/** Certificate and TBSCertificate, field by field (RFC 5280, 4.1); none when there are none. */
function findExtensions(der: Uint8Array): Element[] | null {
  const certificate = readTagged(der, 0, der.length, Tag.SEQUENCE);
  if (certificate === null || certificate.end !== der.length) return null;
  const outer = readElements(der, certificate.start, certificate.end, 3);
  if (outer === null || !hasTags(outer, [Tag.SEQUENCE, Tag.SEQUENCE, Tag.BIT_STRING])) return null;
  const fields = readElements(der, outer[0].start, outer[0].end, tbsFieldsMax);
  if (fields === null) return null;
  // A certificate of the first version says none, and can have no extensions.
  const version = fields[0]?.tag === versionTag ? fields.shift() : undefined;
  if (!hasTags(fields.slice(0, tbsTags.length), tbsTags)) return null;
  const optional = fields.slice(tbsTags.length);
  let last = 0;
  for (const { tag } of optional) {
    if (tag <= last || !optionalTags.has(tag)) return null;
    last = tag;
  }
  const extensions = optional.at(-1);
  if (extensions?.tag !== extensionsTag) return [];
  if (version === undefined || !isVersion3(der, version)) return null;
  const list = readTagged(der, extensions.start, extensions.end, Tag.SEQUENCE);
  if (list === null || list.end !== extensions.end || list.start === list.end) return null;
  return readElements(der, list.start, list.end, certificateExtensionsMax);
}

function readExtension(
  der: Uint8Array,
  extension: Element,
): { readonly oid: string; readonly value: Element } | null {
  if (extension.tag !== Tag.SEQUENCE) return null;
  const parts = readElements(der, extension.start, extension.end, 3);
  if (parts === null || parts.length < 2) return null;
  // `critical` is left out when it is false, and TRUE is 0xff.
  if (parts.length === 3) {
    const [critical] = parts.splice(1, 1);
    const isTrue = critical.end - critical.start === 1 && der[critical.start] === 0xff;
    if (critical.tag !== Tag.BOOLEAN || !isTrue) return null;
  }
  const [oid, value] = parts;
  if (!hasTags(parts, [Tag.OID, Tag.OCTET_STRING]) || oid.start === oid.end) return null;
  return { oid: Buffer.from(der.subarray(oid.start, oid.end)).toString('hex'), value };
}

function readGeneralNames(der: Uint8Array, { start, end }: Element): SubjectNames | null {
  const list = readTagged(der, start, end, Tag.SEQUENCE);
  if (list === null || list.end !== end || list.start === list.end) return null;
  const general = readElements(der, list.start, list.end, subjectNamesMax);
  if (general === null) return null;
  const names: SubjectName[] = [];
  let hasOther = false;
  for (const element of general) {
    const kind = nameKinds.get(element.tag);
    if (kind === undefined) return null;
    if (kind === 'other') {
      hasOther = true;
      continue;
    }
    const name = readText(der, element);
    if (name === null) return null;
    names.push({ kind, name });
  }
  return { names, hasOther };
}

/** Printable ASCII without blanks, at least one. */
function readText(der: Uint8Array, { start, end }: Element): string | null {
  if (start === end) return null;
  for (let at = start; at < end; at++) if (der[at] <= 0x20 || der[at] >= 0x7f) return null;
  return Buffer.from(der.buffer, der.byteOffset + start, end - start).toString('latin1');
}

function isVersion3(der: Uint8Array, { start, end }: Element): boolean {
  const number = readElement(der, start, end);
  if (number?.tag !== Tag.INTEGER || number.end !== end) return false;
  return number.end - number.start === 1 && der[number.start] === 2;
}

function hasTags(elements: readonly Element[], tags: readonly number[]): boolean {
  return elements.length === tags.length && elements.every(({ tag }, index) => tag === tags[index]);
}

/** 2.5.29.17. */
const subjectAltName = '551d11';
const versionTag = 0xa0;
const extensionsTag = 0xa3;
/** Serial number, algorithm, issuer, validity, subject, public key. */
const tbsTags = [Tag.INTEGER, ...new Array<number>(5).fill(Tag.SEQUENCE)];
/** The unique identifiers of issuer and subject, then the extensions. */
const optionalTags = new Set([0x81, 0x82, extensionsTag]);
const tbsFieldsMax = 10;
const nameKinds = new Map<number, 'dns' | 'uri' | 'other'>([
  [0xa0, 'other'],
  [0x81, 'other'],
  [0x82, 'dns'],
  [0xa3, 'other'],
  [0xa4, 'other'],
  [0xa5, 'other'],
  [0x86, 'uri'],
  [0x87, 'other'],
  [0x88, 'other'],
]);
