/** Which programs write the rules, by the mode that was asked for and what is installed. */

import { basename, dirname, join } from 'node:path';
import { exitUnavailable, InitError } from './init-error.ts';
import { applyIptables, type FamilyRules, simulateIptables } from './iptables.ts';
import { applyNftables, simulateNftables } from './nftables.ts';
import { buildChains, type RedirectOptions } from './rules.ts';
import { findProgram } from './run-tool.ts';
import type { Family } from './subnet.ts';

type IptablesMode = 'legacy' | 'nft' | 'plain';

export interface FirewallChoice {
  readonly mode: IptablesMode | 'nftables';
  /** Where the programs lie; null for `path`. */
  readonly folder: string | null;
  readonly families: readonly Family[];
  readonly waits: boolean;
}

interface FirewallEnv {
  /** Folders that programs are looked for in. */
  readonly path: string;
  readonly info: (line: string) => void;
  readonly warn: (line: string) => void;
}

/** Writes the rules; null options remove them. Throws an `InitError`. */
export function applyFirewall(
  choice: FirewallChoice,
  options: RedirectOptions | null,
  env: FirewallEnv,
): void {
  const tables = tablesOf(choice, options);
  if (choice.mode === 'nftables') {
    const program = find(choice, 'nft', env);
    if (program === null) throw missing('nft', 'nftables');
    applyNftables(program, tables, env.info);
    return;
  }
  applyIptables(chooseTools(choice, options, env), env.info);
}

/** What would be done, as text that the programs take. Looks at nothing. */
export function simulateFirewall(choice: FirewallChoice, options: RedirectOptions | null): string {
  const tables = tablesOf(choice, options);
  if (choice.mode === 'nftables') return `# nft -f -\n${simulateNftables(tables)}`;
  return rulesBy(choice.mode, choice, options).map(simulateIptables).join('');
}

/** `iptables-nft` and the like, also as a path, as --firewall-bin-path has it; null for others. */
export function modeOfProgram(
  program: string,
): { readonly mode: IptablesMode; readonly folder: string | null } | null {
  const name = basename(program);
  const mode = modes.find((one) => nameOf(one, 'ipv4', '') === name);
  if (mode === undefined) return null;
  return { mode, folder: program.includes('/') ? dirname(program) : null };
}

function tablesOf(
  { families }: FirewallChoice,
  options: RedirectOptions | null,
): { family: Family; chains: ReturnType<typeof buildChains> | null }[] {
  return families.map((family) => ({
    family,
    chains: options === null ? null : buildChains(options, family),
  }));
}

/** The mode that was asked for, else the first of the others that is installed, as Linkerd does. */
function chooseTools(
  choice: FirewallChoice & { readonly mode: FirewallChoice['mode'] },
  options: RedirectOptions | null,
  env: FirewallEnv,
): readonly FamilyRules[] {
  const asked = choice.mode === 'nftables' ? 'plain' : choice.mode;
  for (const mode of [asked, ...modes]) {
    const rules = rulesBy(mode, choice, options);
    const found = rules.map(({ tool }) =>
      [tool.save, tool.restore].map((name) => find(choice, name, env)),
    );
    if (found.flat().includes(null)) continue;
    if (mode !== asked) {
      env.warn(`${nameOf(asked, 'ipv4', '-restore')} is not installed: takes iptables of ${mode}`);
    }
    return rules.map(({ tool, chains }, index) => {
      const [save, restore] = found[index];
      return { tool: { ...tool, save: save ?? '', restore: restore ?? '' }, chains };
    });
  }
  throw missing(`${nameOf(asked, 'ipv4', '-save')} and its siblings`, 'iptables');
}

function rulesBy(
  mode: IptablesMode,
  choice: FirewallChoice,
  options: RedirectOptions | null,
): FamilyRules[] {
  return tablesOf(choice, options).map(({ family, chains }) => ({
    tool: {
      family,
      save: nameOf(mode, family, '-save'),
      restore: nameOf(mode, family, '-restore'),
      waits: choice.waits,
    },
    chains,
  }));
}

function nameOf(mode: IptablesMode, family: Family, suffix: string): string {
  const word = family === 'ipv4' ? 'iptables' : 'ip6tables';
  return `${word}${mode === 'plain' ? '' : `-${mode}`}${suffix}`;
}

function find({ folder }: FirewallChoice, name: string, { path }: FirewallEnv): string | null {
  return findProgram(folder === null ? name : join(folder, name), `${path}:${usualFolders}`);
}

function missing(what: string, debianPackage: string): InitError {
  const remedy = `Install the package ${debianPackage}.`;
  const text = `${what}: not found in PATH, /usr/sbin or /sbin\n${remedy}`;
  return new InitError(text, exitUnavailable);
}

/** In the order in which they are tried. */
const modes: readonly IptablesMode[] = ['nft', 'plain', 'legacy'];
/** Often not in the PATH of those who are not root. */
const usualFolders = '/usr/sbin:/sbin';
