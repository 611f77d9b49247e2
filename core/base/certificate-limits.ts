/** The limits of whoever makes certificates; all others are in `limits.ts`. */

import { assert } from './assert.ts';
import { joinTokenCharsMax, trustAnchorsMax } from './limits.ts';

/** A file of certificates. */
export const certificateFileBytesMax = 256 * 1024;
/** A request for a certificate, DER; one of RSA with 4096 bits has 1700. */
export const certificateRequestBytesMax = 8 * 1024;
/** How long a root, an issuer and a leaf that we make are good. */
export const rootLifetimeMs = 365 * 24 * 3600 * 1000;
export const issuerLifetimeMs = 30 * 24 * 3600 * 1000;
export const leafLifetimeMs = 24 * 3600 * 1000;
/** How far the clocks of a mesh may differ, either way, as leaves are concerned. */
export const clockSkewMs = 20_000;
/** How much earlier than they are made roots and issuers begin. */
export const issuerBackdateMs = 600_000;
/** The part of their life after which roots and issuers are replaced. */
export const renewalShare = 2 / 3;
/** The same of a leaf. */
export const leafRenewalShare = 0.7;
/** How often a control plane looks at its certificates: after a sleep, that soon. */
export const authorityCheckMs = 5_000;
/** In a rotation, how long proxies that have lost their stream may take to come back. */
export const confirmSettleMs = 10_000;
/** How long a phase of a rotation takes at least: other control planes have to hear of it. */
export const phaseMsMin = 5_000;
/** Confirmations within this time are looked at together. */
export const confirmLookMs = 100;
/** Control planes that share roots and issuer, and how long what one of them says is heeded. */
export const controlPlanesSharedMax = 64;
export const waitingFreshMs = 30_000;
/** Streams of trust of one connection. */
export const trustStreamsPerPeerMax = 4;
/** Issuers from before, of which leaves may be in use. */
export const formerIssuersMax = 16;
/** Calls of Certify that wait, of all proxies together and of one connection. */
export const certifyQueueMax = 32 * 1024;
export const certifyPerPeerMax = 64;
/** Tokens of such calls that somebody else reviews, at one time. */
export const certifyReviewsMax = 64;
/** How long leaves are issued before other work gets its turn. */
export const certifySliceMs = 5;

// Each pin of a token is 64 digits in quotes, and base64 makes four characters of three.
assert(trustAnchorsMax * 67 * 1.4 + 700 < joinTokenCharsMax, 'the pins of a token fit it');
assert(waitingFreshMs >= authorityCheckMs * 3, 'one late look is not a silence');
