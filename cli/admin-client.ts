/** Asks admin ports of proxies. Answers are bounded in size and in time. */

import { request as send } from 'node:http';
import { runAfter } from '../control/model/delay.ts';
import { systemClock } from '../core/base/clock.ts';
import { TimerWheel } from '../core/base/timers.ts';
import { parseExposition, type Sample } from './exposition.ts';

interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

/** `address` is host:port. Rejects with a sentence when there is no answer. */
export function askAdmin(
  address: string,
  path: string,
  method: 'GET' | 'POST' = 'GET',
): Promise<AdminAnswer> {
  return new Promise((settle, fail) => {
    const refuse = (reason: string): void => {
      fail(new Error(`http://${address}${path}: ${reason}`));
      request.destroy();
    };
    const options = { agent: false, method };
    const request = send(`http://${address}${path}`, options, (response) => {
      const parts: string[] = [];
      let bytes = 0;
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        bytes += part.length;
        parts.push(part);
        if (bytes > answerBytesMax) refuse(`more than ${answerBytesMax} bytes`);
      });
      response.on('end', () => settle({ status: response.statusCode ?? 0, body: parts.join('') }));
      response.on('error', (error) => refuse(error.message));
    });
    request.on('error', (error) => refuse(error.message));
    const cancel = runAfter(timers, answerTimeoutMs, () => {
      refuse(`no answer within ${answerTimeoutMs} ms`);
    });
    request.on('close', cancel);
    request.end();
  });
}

/** Rejects when the admin port does not answer with metrics. */
export async function scrape(address: string): Promise<Sample[]> {
  const { status, body } = await askAdmin(address, '/metrics');
  if (status !== 200) throw new Error(`http://${address}/metrics: answered ${status}`);
  return parseExposition(body);
}

const timers = new TimerWheel(systemClock);
const answerBytesMax = 64 * 1024 * 1024;
const answerTimeoutMs = 5_000;
