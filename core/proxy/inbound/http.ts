/**
 * The path of an inbound HTTP request: every layer in the order in which a request passes it, each
 * with the reason for its position. Responses pass the same list from the end.
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
import { InFlight } from '../in-flight.ts';
import type { HttpLayers } from '../layers.ts';
import { RecordAccess } from '../record-access.ts';
import { Respond } from '../respond.ts';
import { RestoreVersion } from '../restore-version.ts';
import type { Route } from '../route.ts';
import { StripFields } from '../strip-fields.ts';
import { Authorize, type ClientFinder } from './authorize.ts';

/** `route` and `balance` are told about the target by the proxy, so it makes them. */
export function inboundLayers(
  core: Core,
  counters: Counters,
  tunnels: TunnelTaker & ClientFinder,
  route: Route,
  balance: Balance,
): HttpLayers {
  // Callers may be from outside the mesh: they get the status and the code, no addresses.
  const respond = new Respond(false, counters.error);
  const inFlight = new InFlight(core.settings.inFlightMax, counters.inFlight);
  const dispatch = new Dispatch();
  const layers: Layer<Exchange>[] = [
    // The client's connection: what comes out here is written to it.
    new Edge(tunnels),
    // Outside everything that can answer, so that the log has what was really sent.
    ...(core.accessLog === null ? [] : [new RecordAccess(core, core.accessLog)]),
    // Turns every failure of the layers below into a response, or into a reset once one has begun.
    respond,
    // Before the application could see it: identity that a client claims for itself.
    new StripFields('inbound'),
    // Behind the identity, which decides whether it is believed.
    new RestoreVersion(),
    // Before anything is spent on a request that is refused for there being too many.
    inFlight,
    // Inside in-flight, by whose count it judges; before anything waits for the request.
    new CountHops(inFlight),
    // There is one target, the local application, but its snapshot may not have come yet.
    route,
    // Outside retries: a request is let in, or is not, once.
    new Authorize(core, tunnels),
    // The application may close an idle connection just when it is used again.
    new Retry(attemptsMax, counters.retried),
    // Bounds the wait for an application that is starting.
    balance,
    // Outside the connections: each attempt starts and finishes here.
    new CountRequests(core),
    // A connection of the application.
    dispatch,
  ];
  return { first: compose(layers), rejects: respond, last: dispatch };
}

const attemptsMax = 3;
