/** Ports whose bytes are not looked at, as Linkerd's annotation and its defaults name them. */

type PortList = readonly (
  | { readonly name: string }
  | { readonly from: number; readonly to: number }
)[];

/** `3306,5000-5010,db`; null when it is no such list. */
export function parsePortList(text: string): PortList | null {
  const list: PortList[number][] = [];
  for (const part of text.split(',').map((word) => word.trim())) {
    if (part === '') continue;
    const range = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    if (range === null) {
      if (!/^(?=.*[a-z])[a-z0-9-]{1,63}$/.test(part)) return null;
      list.push({ name: part });
      continue;
    }
    const from = Number(range[1]);
    const to = Number(range[2] ?? range[1]);
    if (from < 1 || to < from || to > 65_535) return null;
    list.push({ from, to });
  }
  return list;
}

interface Port {
  readonly name: string;
  readonly port: number;
  /** Whether its service says what it speaks. */
  readonly isDeclared: boolean;
}

/** By the annotation where there is one; else by the usual ports, unless a service says more. */
export function isOpaquePort(list: PortList | null, { name, port, isDeclared }: Port): boolean {
  if (list === null) return !isDeclared && usuallyOpaque.has(port);
  return list.some((one) =>
    'name' in one ? one.name === name : one.from <= port && port <= one.to,
  );
}

/** Linkerd's defaults: SMTP, MySQL, Galera, PostgreSQL, Redis, Elasticsearch, Memcached. */
const usuallyOpaque = new Set([25, 587, 3306, 4444, 5432, 6379, 9300, 11_211]);
