/**
 * Loaded by `--import` before a process that the demo starts: it ends, in order, when the demo has,
 * even when that was killed.
 */

process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
