/** An echoing proxy as a process of its own; it tells its ports and passes its log on. */

import { startEchoProxy } from './echo-proxy.ts';

const echo = await startEchoProxy();
process.stdout.write(`${JSON.stringify({ outbound: echo.outbound, admin: echo.admin })}\n`);
let told = 0;
const tell = setInterval(() => {
  while (told < echo.lines.length) process.stdout.write(`${echo.lines[told++]}\n`);
}, 20);
process.on('SIGTERM', () => {
  clearInterval(tell);
  void echo.stop();
});
