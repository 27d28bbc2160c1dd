/** Every form of statement that the parser knows, tried as a `down`: the lists below are all that is undone by itself. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { AlterTableCmd, Node } from 'libpg-query';
import { beforeAll, expect, test } from 'vitest';
import { FileModel, FolderModel } from '../../lib/compiler/model/schema-model';
import { loadParser } from '../../lib/compiler/read/parser';
import { classifyUndo } from '../../lib/compiler/reversible';

const parser = createRequire(require.resolve('libpg-query'));
const declarations = (file: string) => readFileSync(join(parser.resolve('@pgsql/types'), '..', file), 'utf8');

/** The values of one of the parser's enums. They are types alone, so their declaration is read. */
const valuesOf = (name: string): string[] =>
  [
    ...declarations('enums.d.ts')
      .match(`export type ${name} = (.*);`)![1]!
      .matchAll(/"(\w+)"/g),
  ].map((value) => value[1]!);

/** As if `up` had made an index i and a constraint c of table t. */
function undoneByItself(statement: object): boolean {
  const file = new FileModel(new FolderModel());
  file.indexes.add('i');
  file.addOwnConstraint('t', 'c');
  return classifyUndo([statement as Node], file) === 'automatic';
}

const alter = (command: object, objtype: string): object => ({
  AlterTableStmt: {
    relation: { relname: 't' },
    objtype,
    cmds: [{ AlterTableCmd: command as AlterTableCmd }],
  },
});
const drop = (removeType: string, behavior: string): object => ({
  DropStmt: { objects: [{ List: { items: [{ String: { sval: 'i' } }] } }], removeType, behavior },
});

// It knows which names need quotes.
beforeAll(loadParser);

test('of ALTER TABLE', () => {
  const subtypes = valuesOf('AlterTableType');
  expect(subtypes.length).toBeGreaterThanOrEqual(66);
  const undone = valuesOf('ObjectType').flatMap((objtype) =>
    subtypes
      .filter((subtype) => undoneByItself(alter({ subtype, name: 'c', behavior: 'DROP_RESTRICT' }, objtype)))
      .map((subtype) => `${objtype} ${subtype}`),
  );
  expect(undone).toEqual([
    'OBJECT_TABLE AT_ColumnDefault',
    'OBJECT_TABLE AT_DropNotNull',
    'OBJECT_TABLE AT_DropConstraint',
  ]);
  for (const subtype of subtypes)
    expect([
      subtype,
      undoneByItself(alter({ subtype, name: 'c', behavior: 'DROP_CASCADE' }, 'OBJECT_TABLE')),
    ]).toEqual([subtype, false]);
});

test('of DROP', () => {
  const types = valuesOf('ObjectType');
  expect(types.length).toBeGreaterThanOrEqual(50);
  expect(types.filter((type) => undoneByItself(drop(type, 'DROP_RESTRICT')))).toEqual(['OBJECT_INDEX']);
  expect(types.filter((type) => undoneByItself(drop(type, 'DROP_CASCADE')))).toEqual([]);
});

test('of all other statements', () => {
  const kinds = [...new Set(declarations('types.d.ts').match(/(?<=^ {4})\w+Stmt(?=: \w+Stmt;$)/gm))];
  expect(kinds.length).toBeGreaterThanOrEqual(117);
  expect(kinds.filter((kind) => undoneByItself({ [kind]: {} }))).toEqual(['CommentStmt']);
});
