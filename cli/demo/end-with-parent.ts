/**
 * Loaded before a proxy of the demo by `--import`: the proxy ends when the demo has, even one that
 * was killed. Worker threads load it too and have no channel.
 */

process.on('disconnect', () => process.exit(1));
process.channel?.unref();
