/** Versions, hosts and targets: attack class 14. */

import { forwarded, refused, type SmugglingCase } from './smuggling-case.ts';

export function targetCases(): SmugglingCase[] {
  return [...tableCases(), ...versionCases(), ...formCases()];
}

function tableCases(): SmugglingCase[] {
  const hosts = [
    'a,b',
    'a b',
    'a@b',
    'a:',
    'a:b',
    'a:65536',
    'a:-1',
    'a:080800',
    '[::1',
    '::1',
    '[a]',
  ];
  const odd = [
    'a/b',
    'a?b',
    'http://a',
    '%61',
    'a%00',
    '[::1]x',
    '[::1]:',
    '.',
    '.a',
    '*',
    ':80',
    '',
  ];
  const targets = [
    'a',
    'a:80',
    '//',
    'http:',
    'http:/a',
    'http://',
    'http:///a',
    'ftp://a/',
    'ttp://a/',
  ];
  const users = [
    'http://u@a/',
    'http://u:p@a/',
    'http://a:b/',
    'http://a,b/',
    'https//a',
    '?a',
    '*',
  ];
  const cases: SmugglingCase[] = [...hosts, ...odd].map((host) =>
    refused(14, `host ${JSON.stringify(host)}`, get('/', host)),
  );
  for (const host of ['a', 'A.b-c_d~e', 'a.', '127.0.0.1:80', '[::1]', '[::ffff:1.2.3.4]:8080']) {
    cases.push(forwarded(14, `host ${host}`, get('/', host)));
  }
  for (const target of [...targets, ...users]) {
    if (target === '//') cases.push(forwarded(14, 'a path of slashes', get('//', 'a')));
    else cases.push(refused(14, `target ${target}`, get(target, 'a')));
  }
  return cases;
}

function versionCases(): SmugglingCase[] {
  const cases: SmugglingCase[] = [];
  for (const version of ['HTTP/0.9', 'HTTP/2.0', 'HTTP/3.0', 'HTTP/9.9', 'HTTP/2']) {
    cases.push(refused(14, version, line(`GET / ${version}`), 505));
  }
  const versions = [
    'HTTP/1',
    'HTTP/1.',
    'HTTP/1.10',
    'http/1.1',
    'HTTP/ 1.1',
    'HTTPS/1.1',
    'HTTP/1.1a',
  ];
  for (const version of versions) cases.push(refused(14, version, line(`GET / ${version}`)));
  return cases;
}

function formCases(): SmugglingCase[] {
  return [
    refused(14, 'HTTP/0.9 without version', 'GET /\r\n\r\n'),
    refused(14, 'HTTP/0.9 with a space', 'GET / \r\n\r\n'),
    refused(14, 'no host', 'GET / HTTP/1.1\r\n\r\n'),
    refused(14, 'two equal hosts', line('GET / HTTP/1.1\r\nHost: a')),
    refused(14, 'two hosts', line('GET / HTTP/1.1\r\nHost: b')),
    refused(14, 'two hosts in 1.0', line('GET / HTTP/1.0\r\nHost: b')),
    refused(14, 'NUL in the host', get('/', 'a\0b')),
    refused(14, 'absolute form without host', 'GET http://a/ HTTP/1.1\r\n\r\n'),
    forwarded(14, 'HTTP/1.9 is 1.1', line('GET / HTTP/1.9'), line('GET / HTTP/1.1')),
    forwarded(14, 'HTTP/1.0 goes on as 1.1', line('GET / HTTP/1.0'), line('GET / HTTP/1.1')),
    forwarded(14, 'absolute form, same host', get('http://a/b?c', 'a'), get('/b?c', 'a')),
    forwarded(14, 'absolute form in capitals', get('HTTP://A/', 'a'), get('/', 'a')),
    forwarded(14, 'the target wins', get('http://b/c', 'a'), 'GET /c HTTP/1.1\r\nhost: b\r\n\r\n'),
    forwarded(14, 'over an empty host', get('http://b/', ''), 'GET / HTTP/1.1\r\nhost: b\r\n\r\n'),
    forwarded(14, 'a query without a path', get('http://a?b', 'a'), get('/?b', 'a')),
    forwarded(14, 'asterisk', line('OPTIONS * HTTP/1.1')),
    refused(14, 'asterisk and more', line('OPTIONS *a HTTP/1.1')),
    refused(14, 'CONNECT without a port', line('CONNECT a HTTP/1.1')),
    refused(14, 'CONNECT of a path', line('CONNECT / HTTP/1.1')),
    refused(14, 'CONNECT of a URI', line('CONNECT http://a:80/ HTTP/1.1')),
    refused(14, 'CONNECT with a body', line('CONNECT a:1 HTTP/1.1\r\nContent-Length: 1')),
  ];
}

const get = (target: string, host: string) => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const line = (text: string) => `${text}\r\nHost: a\r\n\r\n`;
