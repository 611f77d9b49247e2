/**
 * A watched folder of Kubernetes-style objects, as a catalog and a source of endpoints. What cannot
 * be read or is wrong changes nothing: a folder that is gone, a file that is no YAML, an object
 * that is refused leave what was known before.
 */

import { basename, resolve } from 'node:path';
import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { Clock } from '../../core/base/clock.ts';
import {
  manifestBytesMax,
  manifestFilesMax,
  manifestObjectsMax,
  serviceEndpointsMax,
} from '../../core/base/limits.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import type { Catalog, CatalogStatus, ObjectProblem, PolicyRefusals } from '../model/catalog.ts';
import { noRefusals } from '../model/catalog.ts';
import type { ServiceConfig, ServicePort } from '../model/loaded-config.ts';
import type { Source, SourceListener, SourceLog } from '../model/source.ts';
import type { ManifestValue } from './manifest-values.ts';
import { type MergedManifests, mergeManifests, noManifests } from './merge-manifests.ts';
import { type ParsedManifests, parseManifests } from './parse-manifests.ts';
import { watchFolder } from './watch-folder.ts';

interface ManifestsEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly log: SourceLog;
}

interface Follower {
  readonly service: ServicePort;
  readonly listener: SourceListener;
  /** What its endpoints were made of. */
  parts: readonly ManifestValue[] | null;
  error: string | null;
}

export class Manifests implements Catalog {
  readonly kind = 'manifests';
  readonly location: string;
  readonly #env: ManifestsEnv;
  readonly #unwatch: () => void;
  readonly #followers = new Set<Follower>();
  readonly #listeners = new Set<() => void>();
  /** By the file's name. */
  readonly #files = new Map<string, ParsedManifests>();
  #merged: MergedManifests = noManifests;
  #isStale = false;
  #fileProblems: readonly ObjectProblem[] = [];
  #logged: ReadonlySet<string> = new Set();
  #hasLooked = false;
  #confirmedWallMs: number | null = null;
  #error: string | null = null;

  /** `path`: the folder. */
  constructor(path: string, env: ManifestsEnv) {
    this.location = resolve(path);
    this.#env = env;
    const { clock, timers } = env;
    const bounds = { filesMax: manifestFilesMax, bytesMax: manifestBytesMax };
    this.#unwatch = watchFolder(
      { path: this.location, names: fileNames, ...bounds, clock, timers },
      {
        onFile: (name, text) => this.#readFile(name, text),
        onLook: (names, problems) => this.#look(names, problems),
        onError: (reason) => this.#fail(reason),
      },
    );
  }

  services(): readonly ServiceConfig[] {
    return this.#merged.services;
  }

  refusals(): PolicyRefusals {
    return this.#hasLooked ? this.#merged.refusals : noRefusals;
  }

  problems(): readonly ObjectProblem[] {
    return [...this.#merged.problems, ...this.#fileProblems];
  }

  status(): CatalogStatus {
    const { objects } = this.#merged;
    return { objects, confirmedWallMs: this.#confirmedWallMs, error: this.#error };
  }

  /** Until the folder was read for the first time, however long that takes. */
  isSettling(): boolean {
    return !this.#hasLooked;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Opens the endpoints of a service's port, known or not; for `OpenSource`. */
  openEndpoints(service: ServicePort, listener: SourceListener): Source {
    const follower: Follower = { service, listener, parts: null, error: null };
    this.#followers.add(follower);
    this.#tell(follower);
    return { close: () => this.#followers.delete(follower) };
  }

  close(): void {
    this.#unwatch();
    this.#followers.clear();
    this.#listeners.clear();
  }

  #readFile(name: string, text: string): void {
    const parsed = parseManifests(`${basename(this.location)}/${name}`, text);
    // What the file said before it broke stays.
    const objects = parsed.isWhole ? parsed.objects : (this.#files.get(name)?.objects ?? []);
    this.#files.set(name, { ...parsed, objects });
    this.#isStale = true;
  }

  #look(names: ReadonlySet<string>, problems: ReadonlyMap<string, string>): void {
    for (const name of this.#files.keys()) {
      if (names.has(name)) continue;
      this.#files.delete(name);
      this.#isStale = true;
    }
    // What was wrong with an earlier text of a file says nothing of one that cannot be read.
    for (const name of problems.keys()) {
      const file = this.#files.get(name);
      if (file === undefined || file.problems.length === 0) continue;
      this.#files.set(name, { ...file, problems: [] });
      this.#isStale = true;
    }
    const before = JSON.stringify([this.#error, this.#fileProblems, this.#hasLooked]);
    this.#fileProblems = Array.from(problems, ([name, reason]) => {
      return { object: `${basename(this.location)}/${name}`, field: '', reason };
    });
    if (this.#error !== null) this.#env.log.info('manifests are confirmed again', this.#where());
    this.#error = null;
    this.#hasLooked = true;
    this.#confirmedWallMs = this.#env.clock.wallMs();
    const changed = before !== JSON.stringify([this.#error, this.#fileProblems, true]);
    if (this.#isStale) this.#merge();
    else if (!changed) return;
    this.#logProblems();
    for (const follower of Array.from(this.#followers)) this.#tell(follower);
    for (const listener of Array.from(this.#listeners)) listener();
  }

  #merge(): void {
    this.#isStale = false;
    const names = Array.from(this.#files.keys()).toSorted();
    const files = names.flatMap((name) => this.#files.get(name) ?? []);
    this.#merged = mergeManifests(files, this.#merged, manifestObjectsMax);
  }

  /** Each once, as long as it is there. */
  #logProblems(): void {
    const lines = new Set<string>();
    for (const { object, field, reason } of this.problems()) {
      const line = `${object}: ${field}: ${reason}`;
      if (!this.#logged.has(line) && lines.size < problemsLoggedMax) {
        this.#env.log.warn('an object is refused, the others apply', { object, field, reason });
      }
      lines.add(line);
    }
    this.#logged = lines;
  }

  #fail(reason: string): void {
    if (reason === this.#error) return;
    this.#error = reason;
    this.#env.log.warn('manifests cannot be read, the last good ones stay in use', {
      ...this.#where(),
      reason,
    });
    for (const follower of Array.from(this.#followers)) this.#tell(follower);
    for (const listener of Array.from(this.#listeners)) listener();
  }

  #where() {
    return { folder: this.location };
  }

  #tell(follower: Follower): void {
    if (this.#hasLooked) this.#tellEndpoints(follower);
    if (this.#error !== null && this.#error !== follower.error) {
      follower.listener.onError(`${this.location}: ${this.#error}`);
    }
    follower.error = this.#error;
  }

  #tellEndpoints(follower: Follower): void {
    const { service, listener } = follower;
    const parts = this.#merged.partsOf(service);
    const isSame =
      follower.parts?.length === parts.length &&
      follower.parts.every((part, index) => part === parts[index]);
    const hasRecovered = this.#error === null && follower.error !== null;
    if (isSame && !hasRecovered) return;
    follower.parts = parts;
    const endpoints = endpointsOf(service, parts);
    if (endpoints.length <= serviceEndpointsMax) listener.onEndpoints(endpoints);
    else listener.onError(`more than ${serviceEndpointsMax} endpoints; split the service`);
  }
}

/** A slice's port has the name that the service gives to the port. */
function endpointsOf({ port }: ServicePort, parts: readonly ManifestValue[]): ResolvedEndpoint[] {
  const endpoints: ResolvedEndpoint[] = [];
  let name: string | undefined;
  for (const part of parts) {
    if (part.kind === 'service') name = part.ports.find((one) => one.port === port)?.name;
    if (part.kind !== 'slice') continue;
    const target = part.ports.find((one) => one.name === name)?.port;
    if (target === undefined) continue;
    for (const { host, zone } of part.endpoints) {
      if (endpoints.length > serviceEndpointsMax) return endpoints;
      endpoints.push({ host, port: target, weight: 1, zone });
    }
  }
  return endpoints;
}

/** Not those of editors, nor what a mounted ConfigMap keeps aside. */
const fileNames = /^[^.].*\.(?:ya?ml|json)$/;
const problemsLoggedMax = 100;
