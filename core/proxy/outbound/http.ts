/**
 * The path of an outbound HTTP request: every layer in the order in which a request passes it,
 * each with the reason for its position. Responses pass the same list from the end.
 */

import type { Exchange } from '../../http/exchange.ts';
import { Retry } from '../../resilience/retry.ts';
import { compose, type Layer } from '../../stack/layer.ts';
import type { Balance } from '../balance.ts';
import type { Core } from '../core.ts';
import { CountHops } from '../count-hops.ts';
import { CountRequests, Dispatch } from '../count-requests.ts';
import type { Counters } from '../counters.ts';
import { Edge, type TunnelTaker } from '../edge.ts';
import { PassGateway } from '../gateway.ts';
import { InFlight } from '../in-flight.ts';
import type { HttpLayers } from '../layers.ts';
import { OverrideAuthority } from '../override-authority.ts';
import { RecordAccess } from '../record-access.ts';
import { RequireIdentity } from '../require-identity.ts';
import { Respond } from '../respond.ts';
import { RestoreVersion } from '../restore-version.ts';
import type { Route } from '../route.ts';
import { StripFields } from '../strip-fields.ts';

/** `route` and `balance` are told about targets by the proxy, so it makes them. */
export function outboundLayers(
  core: Core,
  counters: Counters,
  tunnels: TunnelTaker,
  route: Route,
  balance: Balance,
): HttpLayers {
  const respond = new Respond(core.settings.informationalHeaders, counters.error);
  const inFlight = new InFlight(core.settings.inFlightMax, counters.inFlight);
  const dispatch = new Dispatch();
  const isGateway = core.settings.gatewaySuffixes.length > 0;
  const layers: Layer<Exchange>[] = [
    // The client's connection: what comes out here is written to it.
    new Edge(tunnels),
    // Outside everything that can answer, so that the log has what was really sent.
    ...(core.accessLog === null ? [] : [new RecordAccess(core, core.accessLog)]),
    // Turns every failure of the layers below into a response, or into a reset once one has begun.
    respond,
    // Above what takes its word away: peers that come by the gateway are believed, and nobody else.
    ...(isGateway ? [new RestoreVersion(), new PassGateway(core)] : []),
    // Below respond, because the proxy's own answers have no fields to strip.
    new StripFields('outbound'),
    // Before anything is spent on a request that is refused for there being too many.
    inFlight,
    // Inside in-flight, by whose count it judges; before anything waits for the request.
    new CountHops(inFlight),
    // From here on the request has a target, or has been refused.
    route,
    // Outside balance, so that the next attempt may take another endpoint.
    new Retry(attemptsMax, counters.retried),
    // Holds the queue and failfast around the choice, so that waiting for an endpoint is bounded.
    balance,
    // The endpoint is known: whatever is below is about what it is told.
    new OverrideAuthority(),
    // Nothing has gone to it: is it who it has to be?
    new RequireIdentity(core),
    // One endpoint is chosen: each attempt starts and finishes here, also one that is retried.
    new CountRequests(core),
    // A connection of that endpoint.
    dispatch,
  ];
  return { first: compose(layers), rejects: respond, last: dispatch };
}

/** The first attempt and two more, all before a byte of a response. */
const attemptsMax = 3;
