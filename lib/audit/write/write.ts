/** Findings to a folder of migrations: what is in its files. The parser must be ready; nothing is run. */

import type { AuditFinding } from '../../../lambda/defects/findings';
import { CompileError, compileFiles } from '../../compiler';
import type { Compared } from '../audit';
import type { NotWritten } from './bringing';
import type { Context } from './context';
import { filesOf, type WrittenFile } from './files';
import type { Part } from './part';
import { planOf } from './plan';

export interface Written {
  readonly files: readonly WrittenFile[];
  /** The file that mends a finding, by name. */
  readonly fixes: ReadonlyMap<AuditFinding, string>;
  /** Why no file mends it, half a sentence. */
  readonly unwritten: ReadonlyMap<AuditFinding, string>;
  /** What went with something larger, and does not come back with it. */
  readonly left: readonly NotWritten[];
}

/**
 * @param findings those that are neither accepted nor hidden
 * @param roles of the target's server; null where they are not known
 */
export async function writtenFor(
  findings: readonly AuditFinding[],
  compared: Compared,
  roles: Context['roles'],
): Promise<Written> {
  const { parts, groups, unwritten, left } = planOf(findings, compared, roles);
  const files = await consented(parts);
  const names = new Map(files.map(({ group, name }) => [group, name]));
  const fixes = new Map<AuditFinding, string>();
  for (const [finding, group] of groups) {
    const name = names.get(group);
    if (name !== undefined) fixes.set(finding, name);
  }
  return {
    files,
    fixes,
    left,
    unwritten: new Map(
      findings.flatMap((each) => {
        if (fixes.has(each)) return [];
        return [[each, unwritten.get(each) ?? 'it belongs to what is accepted, or not asked for']];
      }),
    ),
  };
}

/** The source's own expressions may call what the compiler cannot look into; that they do is no news to anybody. */
const OF_THE_SOURCE: Readonly<Record<string, string>> = {
  'unseen-code': 'the definition of the source calls it',
  'unseen-trigger': 'the source has the same trigger',
  'domain-column': 'the source has the column with this domain',
};

/** What the compiler asks for beyond what the parts say themselves. */
async function consented(parts: readonly Part[]): Promise<readonly WrittenFile[]> {
  const files = filesOf(parts);
  const more = new Map<string, Record<string, string>>();
  try {
    await compileFiles(files.map(({ name, text }) => ({ name, bytes: Buffer.from(text) })));
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    for (const { file, remedy } of error.problems) {
      const group = files.find(({ name }) => name === file)?.group;
      for (const [rule, why] of Object.entries(OF_THE_SOURCE))
        if (group !== undefined && remedy.includes(`migrate:consent ${rule} `))
          more.set(group, { ...more.get(group), [rule]: why });
    }
  }
  return more.size === 0 ? files : filesOf(parts, (group) => more.get(group) ?? {});
}
