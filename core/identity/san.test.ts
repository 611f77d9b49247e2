/**
 * Goal: names are those that the certificate really has, and one bent byte makes it malformed.
 * Method: certificates made byte by byte around a list of general names.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { certificateBytesMax } from '../base/limits.ts';
import { Tag } from './der.ts';
import {
  encodeBitString,
  encodeElement,
  encodeOid,
  encodeSequence,
  encodeText,
} from './der-write.ts';
import { readSubjectNames } from './san.ts';

const dns = (name: string | Buffer) => encodeElement(0x82, Buffer.from(name));
const uri = (name: string) => encodeText(0x86, name);
const address = encodeElement(0x87, Buffer.from([10, 0, 0, 1]));
const integer = (value: number) => encodeElement(Tag.INTEGER, Buffer.from([value]));
const version3 = encodeElement(0xa0, integer(2));
const empty = encodeSequence();
const subjectAltName = '551d11';
const keyUsage = '551d0f';
const isTrue = encodeElement(Tag.BOOLEAN, Buffer.from([0xff]));

const fields = [integer(5), empty, empty, empty, empty, empty];

function extension(oid: string, value: Buffer, ...critical: Buffer[]): Buffer {
  return encodeSequence(encodeOid(oid), ...critical, encodeElement(Tag.OCTET_STRING, value));
}

function san(...names: Buffer[]): Buffer {
  return extension(subjectAltName, encodeSequence(...names));
}

function extended(...extensions: Buffer[]): Buffer {
  return certificate([version3, ...fields, encodeElement(0xa3, encodeSequence(...extensions))]);
}

function certificate(tbs: readonly Buffer[]): Buffer {
  return encodeSequence(encodeSequence(...tbs), empty, encodeBitString(Buffer.alloc(70)));
}

const web = { kind: 'dns', name: 'web.demo' };
const spiffe = { kind: 'uri', name: 'spiffe://mesh.local/web' };

describe('names of a certificate', () => {
  it('come in their order, others are told of', () => {
    const read = (...names: Buffer[]) => readSubjectNames(extended(san(...names)));
    assert.deepEqual(read(dns('web.demo')), { names: [web], hasOther: false });
    const both = { names: [spiffe, web], hasOther: true };
    assert.deepEqual(read(uri(spiffe.name), address, dns('web.demo')), both);
    assert.deepEqual(read(address), { names: [], hasOther: true });
    assert.deepEqual(read(dns('*.Demo.')), {
      names: [{ kind: 'dns', name: '*.Demo.' }],
      hasOther: false,
    });
  });

  it('are none without the extension', () => {
    const none = { names: [], hasOther: false };
    assert.deepEqual(readSubjectNames(certificate(fields)), none);
    assert.deepEqual(readSubjectNames(certificate([version3, ...fields])), none);
    assert.deepEqual(readSubjectNames(extended(extension(keyUsage, empty, isTrue))), none);
  });

  it('are found wherever the bytes lie', () => {
    const der = extended(san(dns('web.demo')));
    const around = Buffer.concat([Buffer.alloc(7), der, Buffer.alloc(3)]);
    const part = new Uint8Array(around.buffer, around.byteOffset + 7, der.length);
    assert.deepEqual(readSubjectNames(part)?.names, [web]);
  });

  const good = extended(san(dns('web.demo')));
  const malformed: readonly (readonly [what: string, der: Buffer])[] = [
    ['no bytes', Buffer.alloc(0)],
    ['a byte behind it', Buffer.concat([good, Buffer.from([0])])],
    ['a byte too few', good.subarray(0, -1)],
    ['an indefinite length', Buffer.concat([Buffer.from([0x30, 0x80]), good, Buffer.alloc(2)])],
    ['a length longer than needed', Buffer.concat([Buffer.from('30820000', 'hex')])],
    ['NUL in a name', extended(san(dns('web.demo\0.evil')))],
    ['a letter that is not ASCII', extended(san(dns('wéb.demo')))],
    ['a blank in a name', extended(san(dns('web demo')))],
    ['an empty name', extended(san(dns('')))],
    ['no name in the list', extended(san())],
    ['a general name of no kind', extended(san(encodeText(0x89, 'web.demo')))],
    ['the extension twice', extended(san(dns('web.demo')), san(dns('web.demo')))],
    ['another extension twice', extended(extension(keyUsage, empty), extension(keyUsage, empty))],
    ['bytes behind the list', extended(extension(subjectAltName, Buffer.concat([empty, empty])))],
    [
      'critical, but not TRUE as DER has it',
      extended(
        extension(
          subjectAltName,
          encodeSequence(dns('web.demo')),
          encodeElement(Tag.BOOLEAN, Buffer.from([1])),
        ),
      ),
    ],
    [
      'extensions in the first version',
      certificate([...fields, encodeElement(0xa3, encodeSequence(san(dns('web.demo'))))]),
    ],
    [
      'extensions before the unique identifier',
      certificate([
        version3,
        ...fields,
        encodeElement(0xa3, encodeSequence(san(dns('web.demo')))),
        encodeElement(0x82, Buffer.alloc(1)),
      ]),
    ],
    ['a field too few', certificate([version3, ...fields.slice(1)])],
    ['too many names', extended(san(...new Array<Buffer>(101).fill(dns('a'))))],
    ['too long', extended(san(dns('a'.repeat(certificateBytesMax))))],
  ];
  for (const [what, der] of malformed) {
    it(`are refused: ${what}`, () => assert.equal(readSubjectNames(der), null));
  }
});
