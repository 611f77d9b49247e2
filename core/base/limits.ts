/**
 * Every bound of the proxy, with its unit in its name, and the relations between them, asserted
 * when the module loads. What a user may change is copied into settings with these as defaults.
 */

import { assert } from './assert.ts';

/** A request or response head, first byte to the empty line. */
export const headBytesMax = 64 * 1024;
/** Fields in a head, and in a trailer section. */
export const headFieldsMax = 100;
/** Fields that a configuration may ask for at the most. */
export const headFieldsCeiling = 1000;
/** One chunk's size line with its extension. */
export const chunkLineBytesMax = 4 * 1024;
/** All chunk extensions of one message together (CVE-2023-39326). */
export const chunkExtensionBytesMax = 16 * 1024;
/** Informational responses before the final one (class 12 of the smuggling tests). */
export const informationalMax = 32;
/** What is kept of a request so that it can be sent again. */
export const replayBytesMax = 64 * 1024;

/** What a thread reads at once into the buffer that its connections share. */
export const readBytes = 64 * 1024;
/** What a connection in a bulk transfer reads at once into a buffer of its own. */
export const bulkReadBytes = 256 * 1024;
/** A partial head, or what is left of one read before it, and the read behind it. */
export const stashBytesMax = readBytes + bulkReadBytes;
/** Of a body, while the request has not gone out: reading stops when the first of it is there. */
export const heldBodyBytesMax = stashBytesMax;
/** Bulk buffers of a thread; transfers beyond them share the common buffer. */
export const bulkBuffersMax = 64;
/** Bytes that wait in a socket before its source is paused. */
export const writeHighWaterBytes = 128 * 1024;

/** First bytes of a connection that may be held until its protocol is known. */
export const detectBytesMax = 16 * 1024 + 1024;
export const detectTimeoutMs = 10_000;
/** What a peer says about a connection behind its handshake, all of it (Linkerd's bound). */
export const transportHeaderBytesMax = 64 * 1024;
/** How often a connection inside of TLS is looked at for a peer that keeps it busy with nothing. */
export const secureWatchMs = 2_000;
/** What the smallest record that says something has at the most, by its sender's choice of keys. */
export const secureRecordBytesMax = 32;
/** What may come beyond that: KeyUpdates (27 bytes each) and parts of records. */
export const secureSilentBytesMax = 64 * 1024;
/** Encrypted and not yet taken by the kernel; what we write ourselves is less. */
export const secureUnsentBytesMax = 1024 * 1024;
/** The client's silence after which a destination is dialled that may speak first. */
export const serverFirstSilenceMs = 50;
/** The same where the client may be about to begin with TLS, which a busy one does late. */
export const helloSilenceMs = 250;
/** How long a destination is remembered as speaking first. */
export const serverFirstMemoryMs = 60_000;
export const serverFirstMemoryMax = 10_000;

export const headTimeoutMs = 10_000;
/** After an answer that ends a connection, input is dropped so long and so much. */
export const lingerTimeoutMs = 5_000;
export const lingerBytesMax = 16 * 1024 * 1024;
export const bodyIdleTimeoutMs = 30_000;
export const clientIdleTimeoutMs = 300_000;
export const connectTimeoutMs = 1_000;
export const responseTimeoutMs = 300_000;
export const poolIdleTimeoutMs = 3_000;
/** Connections of one worker to one endpoint. */
export const poolConnectionsMax = 1_024;

/** Identities of clients whose metrics a worker keeps apart, and names of TLS that passes by. */
export const clientIdentitiesMax = 1_024;
export const clientNamesMax = 64;
/** Sets of fields of our own that a thread keeps encoded: most name a client. */
export const ownHeadsMax = 256;

/** HTTP/2: what we let a peer send on one stream, and on all of a connection, before we answer. */
export const http2InitialStreamWindowBytes = 65_535;
/** The largest that can be asked for: what is held of a stream fits its queue. */
export const http2StreamWindowCeiling = 256 * 1024;
export const http2InitialConnectionWindowBytes = 1024 * 1024;
export const http2ConcurrentStreamsMax = 250;
export const http2MaxFrameBytes = 16 * 1024;
/** Part of a frame and a read behind it fit a stash. */
export const http2FrameBytesCeiling = 32 * 1024;
export const http2KeepAliveIntervalMs = 10_000;
export const http2KeepAliveTimeoutMs = 3_000;
/** An HTTP/2 connection to an endpoint without a request. */
export const http2IdleTimeoutMs = 60_000;
/** Its age, with a tenth of jitter, after which another takes its place. */
export const http2ConnectionAgeMs = 600_000;
/** HTTP/2 connections of one worker to one endpoint. */
export const http2ConnectionsMax = 64;
/** Requests under way on a connection from which on another one is opened. */
export const http2StreamsPerConnectionMax = 128;
/** HPACK tables, ours and what we use of the peer's (RFC 7541 4.2). */
export const hpackTableBytesMax = 4_096;
/** All bytes that the streams of a connection may make us hold. */
export const h2HeldBytesMax = 64 * 1024 * 1024;
/** Frames of one field block (CVE-2024-27316, CVE-2024-30255). */
export const h2ContinuationsMax = 64;
/** Streams reset before their end: at once, and in the long run (CVE-2023-44487). */
export const h2ResetsMax = 500;
export const h2ResetsPerSecond = 50;
/** PING, SETTINGS, PRIORITY and unknown frames. */
export const h2ControlFramesMax = 1_000;
export const h2ControlFramesPerSecond = 100;
/** For each frame of content that we send. */
export const h2ControlFramesPerFrame = 1;
/** DATA frames in a row that carry nothing, or padding alone. */
export const h2EmptyFramesMax = 100;
export const h2WindowUpdatesMax = 1_000;
export const h2WindowUpdatesPerSecond = 100;
export const h2WindowUpdatesPerFrame = 10;
/** What may wait for a peer that does not read it: answers to its frames, or request heads. */
export const h2UnreadBytesMax = 1024 * 1024;
/** Connections to an endpoint on which so much waits; with more of them no other is opened. */
export const h2StalledConnectionsMax = 4;
/** Streams of a connection that are remembered when they are gone; powers of two. */
export const h2EndedStreamsMax = 32;
export const h2ResetStreamsMax = 256;

/** Requests of one target that wait for an endpoint, in one worker. */
export const queueRequestsMax = 10_000;
export const failfastTimeoutMs = 3_000;
/** Within so long after a trust anchor has left, what was verified before is replaced. */
export const distrustSpreadMs = 5_000;
/**
 * The same of what is under way, which cannot be replaced without its ends: tunnels, requests, and
 * streams have so long to end by themselves. A rotation should end no transfer; a trust anchor
 * leaves once in months.
 */
export const distrustedConnectionMs = 3_600_000;
/** A certificate, of ours or of a peer, and what is read of it. */
export const certificateBytesMax = 16 * 1024;
export const certificateExtensionsMax = 64;
export const subjectNamesMax = 100;
/** Bounds of when the next certificate is asked for, which is at 70 % of the life of this one. */
export const identityRefreshMinMs = 10_000;
export const identityRefreshMaxMs = 24 * 3_600_000;
/** Certificates from a leaf to its trust anchor, without both. */
export const intermediatesMax = 8;
/** From a request for a certificate to its answer: the control plane may have many of them. */
export const certifyTimeoutMs = 30_000;
/** A proxy looks at its clock so often: while a machine sleeps, timers stand still. */
export const identityTickMs = 10_000;
/** How often a proxy says that it has no certificate yet. */
export const identityWaitLogMs = 15_000;
/** Within which connections of main are dialled anew when a trust anchor has left. */
export const identityRenewMaxMs = 5_000;
/** Between requests for a certificate of another issuer, when each brings one of the old. */
export const reissueMinMs = 1_000;
export const reissueMaxMs = 300_000;
/** The token that is sent with a request for a certificate. */
export const identityTokenBytesMax = 16 * 1024;
/** A file with a key, a chain or trust anchors. */
export const identityFileBytesMax = 1024 * 1024;
/** To the first word of a control plane on a stream of trust, of which it may have many. */
export const trustInitialMs = 10_000;
/** When a control plane is asked again that has never heard of trust. */
export const trustRetryMs = 600_000;
/** Limits of a watch at a control plane: until it says something, without a word, and in all. */
/** How often, at the most, it is looked up anew which endpoints addresses are. */
export const addressIndexMs = 100;
/** Until a client of a control plane has said what it is, and then until it has proved it. */
export const controlHandshakeMs = 10_000;
export const controlStreamInitialMs = 3_000;
export const controlStreamIdleMs = 5 * 60_000;
export const controlStreamLifetimeMs = 3_600_000;
/** How long a request waits to learn what its target is. */
export const discoverTimeoutMs = 5_000;
/** Requests in flight in one worker and direction before it sheds load. */
export const inFlightMax = 100_000;
/** Exchanges that a worker keeps for later requests, about 2 KiB each. */
export const exchangesKeptMax = 16_384;
/** More requests in flight in one worker and direction, and requests carry a count of proxies. */
export const hopsCountedMin = 256;
/** Proxies that a request may pass once they are counted. */
export const hopsMax = 64;
/** Targets that a worker keeps; the least recently used idle one gives way. */
export const targetsMax = 10_000;
export const targetIdleMs = 90_000;
/** The same for what a worker sends to, where a control plane is asked for each. */
export const watchedIdleMs = 5_000;
/** Spellings of authorities that a worker finds without a string; a power of two. */
export const authorityCacheMax = 8_192;
/** Longer ones are looked up by their canonical spelling each time. */
export const authorityCachedBytesMax = 63;

/** Peak EWMA of the response time: what an unknown endpoint starts with, and its decay. */
export const ewmaDefaultRttMs = 30;
export const ewmaDecayMs = 10_000;
/** How long an endpoint that refuses connections stays out, before jitter. */
export const shutMinMs = 1_000;
export const shutMaxMs = 60_000;
/** After this a probation permit that nobody gave back is free again. */
export const permitMs = 2 * connectTimeoutMs;
/** Freed slots that rest before the oldest is used again, while there are fresh ones. */
export const slotsRestingMin = 1_024;

/** A message of the control plane: messages inside of each other, and all elements of its lists. */
export const apiDepthMax = 100;
export const apiElementsMax = 256 * 1024;

/** Endpoints of one target; a worker makes each in 40 us, and answers nobody meanwhile. */
export const endpointsMax = 16 * 1024;
/** Addresses of the control plane that are used. */
export const controlAddressesMax = 64;
/** Watches on one connection to the control plane: as many as any server has to take. */
export const controlCallsPerConnectionMax = 100;
/** Between attempts at a watch of the control plane, before jitter. */
export const controlBackoffMinMs = 100;
export const controlBackoffMaxMs = 10_000;
/** Between questions for a name that the control plane does not know. */
export const unknownRetryMinMs = 500;
export const unknownRetryMaxMs = 5_000;
/** How long an address of the control plane that failed is passed over, before jitter. */
export const controlShutMinMs = 1_000;
export const controlShutMaxMs = 30_000;
/** After which a target that nobody answers for goes to where the application dialled. */
export const fallbackAfterMs = 3_000;
/** How long endpoints stay of which a control plane suddenly knows nothing. */
export const unknownKeptMs = 300_000;
/** What is on disk waits so long for the control plane, which knows better. */
export const diskWaitMs = 300;
/** A policy waits so long for the profile of the same target. */
export const profileWaitMs = 300;
/** Changes of a target within this time reach the workers as one. */
export const publishMs = 20;
/** How long the watches of a target that nobody uses are kept. */
export const outboundLingerMs = 1_000;
export const inboundLingerMs = 90_000;
/** Targets on disk, and bytes of all of them and of one; the oldest go. */
export const statesMax = 10_000;
export const stateBytesMax = 64 * 1024 * 1024;
export const stateFileBytesMax = 24 * 1024 * 1024;
/** Between writes of one target's state, and after which an unchanged one is written anew. */
export const stateWriteMs = 1_000;
export const stateRefreshMs = 600_000;
/** The right to announce a name, as it is sent; and a file with a key or a token. */
export const joinTokenCharsMax = 4 * 1024;
/** Trust anchors of a bundle, and certificates of one file of them. */
export const trustAnchorsMax = 32;
export const secretBytesMax = 16 * 1024;
/** A DNS name (RFC 1035 2.3.4), and so that of a service or a namespace. */
export const nameCharsMax = 253;
/** Control planes at which a process announces itself. */
export const controlPlanesMax = 16;
/** Processes of one state directory that `heddle stop` looks at, and what each says of itself. */
export const runFilesMax = 1_000;
export const runFileBytesMax = 64 * 1024;
/** gRPC: a message, either way; what grpc-js and grpc-go take as well. */
export const grpcMessageBytesMax = 4 * 1024 * 1024;
/** Fields of a call, or of its end. */
export const grpcHeadBytesMax = 16 * 1024;
/** Characters of the message of a status; each may become three, percent-encoded. */
export const grpcMessageCharsMax = 1_024;
/** What may wait to be sent on one call. */
export const grpcQueueBytesMax = 8 * 1024 * 1024;
/** Of messages that have not come whole, on all calls of a server together. */
export const grpcPartBytesMax = 64 * 1024 * 1024;
/** Calls of a client that wait for a connection or for room on it, and how long. */
export const grpcWaitingMax = 1_024;
export const grpcWaitMs = 10_000;
/** Connections of a server, and calls under way on each of them. */
export const grpcConnectionsMax = 10_000;
export const grpcCallsPerConnectionMax = 250;
/** How rarely a client asks a silent server that has called its PINGs too many. */
export const grpcKeepAliveIntervalMsMax = 600_000;
/** Silence after which the kernel asks whether a client is still there. */
export const grpcTcpKeepAliveMs = 30_000;

export const configBytesMax = 1024 * 1024;
/** One configuration that was read, on disk; a larger one is read each time. */
export const configCacheBytesMax = 16 * 1024 * 1024;
/** Configurations that are kept on disk; the oldest go. */
export const configsCachedMax = 64;

/** How long a joined process stays an endpoint when its stream was lost, and a start settles. */
export const registryLeaseMs = 10_000;
/** A gap of the timers after which leases start afresh: this process was stopped or suspended. */
export const registryPauseMs = 2_000;
/** How long a service stays known, without endpoints, after the last process of it has gone. */
export const registryServiceKeepMs = 600_000;
export const registryInstancesMax = 100_000;
export const registryFileBytesMax = 64 * 1024 * 1024;
/** Between two writes of the registry to disk. */
export const registrySaveMs = 200;
/** Endpoints of one service. */
export const serviceEndpointsMax = 16 * 1024;
/** Changes of one service are told at once, then at most this often. */
export const changesMs = 20;
export const manifestFilesMax = 1_000;
export const manifestBytesMax = 1024 * 1024;
/** Objects of a folder of manifests. */
export const manifestObjectsMax = 100_000;

export const workersMax = 32;
/** Clients that wait in the system's backlog until they are accepted. */
export const listenBacklogMax = 4096;
export const slotsMax = 64 * 1024;
export const cellsMax = 512 * 1024;
/** Label sets of one metric family; what exceeds counts under `other`. */
export const seriesMax = 20_000;
/** Characters of one label value; the rest is cut off. */
export const labelValueCharsMax = 256;
/** How long a counter that nobody adds to any more is still shown, as Linkerd does it. */
export const seriesRetainMs = 600_000;
/** Cells of the main thread's own metrics. */
export const mainCellsMax = 64 * 1024;
/** Text of the metrics that is rendered before other work of the thread gets its turn. */
export const expositionSliceChars = 64 * 1024;
/** How long lines with the same target and message are collapsed into one. */
export const logRepeatMs = 5_000;
/** Messages whose repetitions are counted at the same time. */
export const logRepeatsMax = 256;
/** Characters of a message or of one value of a log line; the rest is cut off. */
export const logValueCharsMax = 2_048;
/** Fields of a line, or of one of its spans. */
export const logFieldsMax = 32;
export const logSpansMax = 8;
export const logDirectivesMax = 64;
/** What waits for a slow stderr; lines beyond it are dropped and counted. */
export const logBufferBytesMax = 1024 * 1024;
/** Access log lines that are passed on at once. */
export const accessBatchChars = 16 * 1024;
/** Characters of one value in an access log line; the rest is cut off. */
export const accessValueCharsMax = 4_096;

export const workerSilenceMs = 5_000;
export const workerHeartbeatMs = 1_000;
/** From its being told to end until a worker's thread counts as one that cannot be ended. */
export const workerEndMs = 10_000;
/** From the start of a worker's thread to its first heartbeat. */
export const workerStartMs = 10_000;
/** Before a worker that keeps dying is started again. */
export const workerRestartMsMax = 10_000;
/** After which a worker's earlier deaths are forgotten. */
export const workerHealthyMs = 60_000;
/** Heap of a worker; bodies and read buffers are outside of it. */
export const workerHeapMib = 1_024;
/** Shares of it: from the first on it is watched closely, at the other a worker ends by itself. */
export const heapWatchedPercentMin = 25;
export const heapFullPercentMax = 90;
/** A small one costs less memory, and less time than a large one in the cache. */
export const workerYoungHeapMib = 3;
/** How often a drain passes by a connection before it ends it for being idle; 4 times a second. */
export const drainLooksMin = 2;
export const maxConnectionsDefault = 100_000;
/** Descriptors kept free for upstream connections, logs and discovery. */
export const descriptorReserve = 128;
/** How long a listener that ends lets in clients whose handshake is under way: a round trip. */
export const handshakeMs = 100;
/** Accepted sockets that wait unread where a listener cannot pause. */
export const heldSocketsMax = 64;

/** Streams of a control plane, of all proxies together, and beside them those that join. */
export const controlStreamsMax = 256 * 1024;
/** Streams of one connection: three for each target of a proxy, and some. */
export const controlStreamsPerConnectionMax = 32 * 1024;
/** Processes that join over one connection. */
export const joinsPerConnectionMax = 64;
/** Endpoints in one message about a set; with zones of the greatest length it fits. */
export const updateEndpointsMax = 8 * 1024;
/** What a proxy says of itself, each text; longer ones are not shown. */
export const proxyTextCharsMax = 512;
/** Endpoints in one answer to a command. */
export const viewEndpointsMax = 32 * 1024;
/** How long the token of the local user is good; each start makes another. */
export const localTokenMs = 10 * 365 * 24 * 3600 * 1000;
/** How long the end of a control plane takes at the most. */
export const controlDrainMs = 2_000;
/** How long a stream may take nothing before the control plane ends it. */
export const slowStreamMs = 30_000;

assert(
  http2StreamWindowCeiling * http2ConcurrentStreamsMax <= h2HeldBytesMax,
  'the streams of a connection hold no more than their bound',
);
assert(endpointsMax * 2 <= slotsMax, 'a target can be replaced by others, all at once');
assert(fallbackAfterMs < discoverTimeoutMs, 'a request still waits when its target falls back');
assert(diskWaitMs < fallbackAfterMs, 'what is on disk comes before the fallback');
assert(http2FrameBytesCeiling < readBytes, 'part of a frame fits the stash');
assert(http2StreamWindowCeiling <= heldBodyBytesMax, 'a window fits what is held of a body');
assert(grpcMessageCharsMax * 9 < grpcHeadBytesMax, 'the message of a status fits its fields');
assert(grpcMessageBytesMax <= grpcQueueBytesMax, 'a message can wait to be sent');
assert(chunkLineBytesMax <= chunkExtensionBytesMax, 'one chunk line fits the extension budget');
assert((authorityCacheMax & (authorityCacheMax - 1)) === 0, 'hashes are masked, not divided');
assert(headFieldsMax <= headFieldsCeiling, 'the default is within the ceiling');
assert(detectBytesMax <= readBytes, 'detection fits one read');
assert(transportHeaderBytesMax <= readBytes, 'a transport header fits the stash');
assert(headBytesMax <= readBytes, 'a head fits one read buffer');
assert(replayBytesMax <= heldBodyBytesMax, 'what is held can be sent again');
assert(poolIdleTimeoutMs < 5_000, 'idle connections end before the usual server does it (5 s)');
assert(hopsCountedMin < poolConnectionsMax, 'a loop is seen before it has all connections');
assert(workerHeartbeatMs * 3 < workerSilenceMs, 'one late heartbeat is not silence');
assert(heldSocketsMax < descriptorReserve, 'held sockets fit the reserve');
assert(targetsMax * 3 < controlStreamsPerConnectionMax, 'a proxy can watch all of its targets');
assert(updateEndpointsMax * 400 < grpcMessageBytesMax, 'an update fits a message');
assert(accessBatchChars < logBufferBytesMax, 'a batch of the access log fits the buffer');
assert(joinTokenCharsMax < secretBytesMax, 'a token fits its file');
