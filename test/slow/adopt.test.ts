/** Each tool's folder, taken over from a database that the tool has migrated in part. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CODES, FIXTURES, folderOf, newFolder, SHOPS } from '../adopt/support';
import { trueup } from '../cli/trueup';
import { connect, createDatabase, majors } from '../support/database';

const adopt = async (args: readonly string[]) => {
  const ran = await trueup(['adopt', ...args, '--json']);
  return { ...ran, document: ran.stdout === '' ? null : JSON.parse(ran.stdout) };
};

const [oldest, newest] = [majors()[0]!, majors().at(-1)!];

describe.each(FIXTURES)('$tool', ({ tool, name, files, keys, ledger, rows }) => {
  // Each tool on one of the majors: what differs between them is not the tool's.
  const major = FIXTURES.findIndex((each) => each.tool === tool) % 2 === 0 ? oldest : newest;

  test(`proved, written, taken over and a no-op afterwards, PostgreSQL ${major}`, async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(`${ledger}${rows}${SHOPS}${CODES}`);
    const folder = folderOf(files, name);
    const output = newFolder();
    const { code, stderr, document } = await adopt([folder, '--database-url', url, '--output', output]);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('error')]);
    expect(document).toMatchObject({ tool, findings: [], notReplayed: [], withoutFile: [] });
    expect(document.entries.map(({ key, state }: Record<string, string>) => [key, state])).toEqual([
      [keys[0], 'applied'],
      [keys[1], 'applied'],
      [keys[2], 'pending'],
    ]);
    const names = readdirSync(output).sort();
    expect(names).toHaveLength(3);
    const { baseline, notes: said } = document.output;
    const known = [expect.stringMatching(/^0002_codes: the ledger of Flyway does not contain this name/)];
    // By numbers of ours, since 1.9 is none.
    expect(said.filter((note: string) => note.includes('does not know'))).toEqual(
      tool === 'Flyway' ? known : [],
    );

    expect(await trueup(['check', '--run', '--major', String(major), output])).toMatchObject({ code: 0 });
    const at = ['--database-url', url];
    const before = await trueup(['up', output, ...at]);
    expect([before.code, before.stderr + before.stdout]).toEqual([1, expect.stringMatching(/already/)]);
    expect(await trueup(['baseline', baseline, output, ...at])).toMatchObject({ code: 0 });
    expect(await trueup(['up', output, ...at])).toMatchObject({ code: 0 });
    const again = await trueup(['up', output, ...at, '--json']);
    expect([again.code, JSON.parse(again.stdout).report.applied]).toEqual([0, []]);
    expect(await trueup(['verify', output, ...at])).toMatchObject({ code: 0 });
    const { rows: notes } = await client.query("SELECT to_regclass('notes') IS NOT NULL AS made");
    expect(notes).toEqual([{ made: true }]);
    expect(names.map((file) => readFileSync(join(output, file), 'utf8')).join('')).toContain(
      `-- From ${tool}: ${keys[0]} (`,
    );
  });
});
