/**
 * How many workers `auto` means: the CPU limit of the container if there is one, else the cores,
 * at most four. More than that a sidecar seldom repays; who needs it names a number.
 */

interface CpuFacts {
  /** Content of `/proc/self/cgroup`, empty when there is none. */
  readonly cgroup: string;
  /** Content of a file, or null when it cannot be read. */
  readonly read: (path: string) => string | null;
  readonly cores: number;
}

/** At least 1. A limit of 1.5 CPUs gives two workers: the second has work for half of its time. */
export function countAutoWorkers(facts: CpuFacts): number {
  return Math.min(autoWorkersMax, countCpus(facts));
}

/** What this process may use, part of a CPU counted as one. */
export function countCpus(facts: CpuFacts): number {
  return Math.max(1, Math.ceil(Math.min(facts.cores, readCpuLimit(facts))));
}

/** The smallest CPU limit on the way from the process's own group to the root. */
function readCpuLimit(facts: CpuFacts): number {
  let limit = Number.POSITIVE_INFINITY;
  for (const line of facts.cgroup.split('\n')) {
    const [, controllers, path] = line.split(/:(.*?):/, 3);
    if (path === undefined) continue;
    if (controllers === '') {
      for (const group of ancestors(path)) limit = Math.min(limit, readLimitV2(facts, group));
    } else if (controllers.split(',').includes('cpu')) {
      for (const group of ancestors(path)) limit = Math.min(limit, readLimitV1(facts, group));
    }
  }
  return limit;
}

/** In a container the group's own path is often hidden and the root shows its limit instead. */
function ancestors(path: string): string[] {
  const groups = [''];
  let group = '';
  for (const name of path
    .split('/')
    .filter((part) => part !== '')
    .slice(0, groupDepthMax)) {
    group += `/${name}`;
    groups.push(group);
  }
  return groups;
}

/** `cpu.max`: "max 100000", or quota and period in microseconds. */
function readLimitV2(facts: CpuFacts, group: string): number {
  const [quota, period] = (facts.read(`${mount}${group}/cpu.max`) ?? '').trim().split(/\s+/);
  return toCpus(Number(quota), Number(period));
}

/** A quota of -1 is no limit. The controller is mounted under either name. */
function readLimitV1(facts: CpuFacts, group: string): number {
  for (const controller of ['cpu', 'cpu,cpuacct']) {
    const folder = `${mount}/${controller}${group}`;
    const quota = facts.read(`${folder}/cpu.cfs_quota_us`);
    const period = facts.read(`${folder}/cpu.cfs_period_us`);
    if (quota !== null && period !== null) return toCpus(Number(quota), Number(period));
  }
  return Number.POSITIVE_INFINITY;
}

function toCpus(quotaMicros: number, periodMicros: number): number {
  return quotaMicros > 0 && periodMicros > 0
    ? quotaMicros / periodMicros
    : Number.POSITIVE_INFINITY;
}

const mount = '/sys/fs/cgroup';
const autoWorkersMax = 4;
/** Deeper nesting than any container runtime makes. */
const groupDepthMax = 32;
