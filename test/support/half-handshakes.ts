/**
 * A process of many half handshakes, so that their descriptors are not the test's:
 * `half-handshakes.ts PORT COUNT` gets a hello by message, sends it on each of COUNT connections,
 * and says `answered` when each has had an answer, and `ended` when each has ended. It ends with
 * its parent, and in a minute.
 */

import { connect } from 'node:net';

const [port, count] = process.argv.slice(2).map(Number);
const answerBytesMin = 1000;
const dialsMax = 100;
let dialled = 0;
let answered = 0;
let ended = 0;

function dialNext(hello: Buffer): void {
  if (dialled === count) return;
  dialled += 1;
  let received = 0;
  const socket = connect(port, '127.0.0.1', () => {
    socket.write(hello);
  });
  socket.on('data', (bytes) => {
    const isAnswered = received >= answerBytesMin;
    received += bytes.length;
    if (isAnswered || received < answerBytesMin) return;
    answered += 1;
    if (answered === count) process.send?.('answered');
    dialNext(hello);
  });
  socket.on('error', (error) => process.send?.(error.message));
  socket.on('close', () => {
    ended += 1;
    if (ended === count) process.send?.('ended');
  });
}

process.once('message', (hello: string) => {
  for (let at = 0; at < dialsMax; at++) dialNext(Buffer.from(hello, 'latin1'));
});
process.once('disconnect', () => process.exit());
setTimeout(() => process.exit(1), 60_000);
