/**
 * The structure of a database as migrations: what `check --run` begins with, so that files written for the database can be
 * tried on an empty server. Pure; the parser must be ready.
 */
import type { Catalogue } from '../../../lambda/audit/catalogue';
import { withoutReturns } from './carriage-returns';
import { literal, column as name } from './names';
import type { Part } from './part';
import { allParts } from './plan';

/** Where it goes, below the folder of the migrations. */
export const BASE = 'base';

/** By this file it is known. */
export const FIRST = '0000_as_found.sql';

/** Files are 4 MiB at most. */
const MOST_CHARACTERS = 1_000_000;

/** @param roles that the written files may name, besides those of the structure itself */
export function structureOf(catalogue: Catalogue, roles: Iterable<string>): ReadonlyMap<string, string> {
  // A role's privileges are one part, which would be left out with the defaults among them.
  const grants = catalogue.grants.filter(({ on }) => on !== 'default privileges');
  const { parts, unwritten } = allParts({ ...catalogue, grants }, nothingOf(catalogue));
  const statements = [
    ...[...new Set([...rolesIn(catalogue), ...roles])].sort().map(createRole),
    ...parts.filter(isTriable).flatMap(({ up }) => withoutWaiting(up)),
  ];
  const chunks: string[][] = [[]];
  let size = 0;
  for (const statement of statements) {
    size += statement.length;
    if (size > MOST_CHARACTERS) {
      chunks.push([]);
      size = statement.length;
    }
    chunks.at(-1)!.push(`${withoutReturns(statement)};`);
  }
  const left = unwritten.map((why) => `-- Left out: ${why}`);
  return new Map(
    chunks.map((chunk, i) => [
      `${String(i).padStart(4, '0')}_as_found.sql`,
      [HEAD, ...(i === 0 ? left : []), '', HISTORY, '', '-- migrate:up', ...chunk, ''].join('\n'),
    ]),
  );
}

const HEAD = `-- The database as it was found, without its rows. \`trueup check --run\` applies it to an empty server before the files of
-- the folder above; nothing else reads it.`;
const HISTORY = '-- migrate:history it is what the database had before';

/**
 * All of it as statements for an empty database whose server has the roles, and why some of it is not among them. What takes a
 * superuser, and settings of the database, are left out.
 */
export function statementsFor(catalogue: Catalogue): {
  readonly statements: readonly string[];
  readonly unwritten: readonly string[];
} {
  const { parts, unwritten } = allParts(catalogue, nothingOf(catalogue));
  const own = parts.filter((part) => isTriable(part) || isDefaultPrivileges(part));
  const left = parts.filter((part) => !own.includes(part));
  return {
    statements: own.flatMap(({ up }) => withoutWaiting(up)),
    unwritten: [
      ...unwritten,
      ...left.map(({ title }) => `${title}: it takes a superuser, or is of the server`),
    ],
  };
}

const isDefaultPrivileges = ({ phase, up }: Part): boolean =>
  phase === 'grant' && up.some((each) => each.startsWith('ALTER DEFAULT PRIVILEGES'));

/** A database of which only the server and what it brings is there. */
function nothingOf(catalogue: Catalogue): Catalogue {
  const empty = Object.fromEntries(Object.keys(catalogue).map((kind) => [kind, []])) as unknown as Catalogue;
  return {
    ...empty,
    database: catalogue.database,
    schemas: [{ name: 'public' }],
    extensions: catalogue.extensions.filter((each) => each.name === 'plpgsql'),
  };
}

/** What a server of one's own may not be told: other roles' defaults, what takes a superuser, and its own settings. */
const isTriable = ({ phase, up }: Part): boolean =>
  phase !== 'setting' &&
  !up.some((each) =>
    /^(ALTER DEFAULT PRIVILEGES|CREATE EVENT TRIGGER|DO |CREATE PUBLICATION .* FOR (ALL TABLES|TABLES IN SCHEMA))/.test(
      each,
    ),
  );

/**
 * Nobody is there who would wait: indexes are built, and constraints validated, at once. All of it is then one transaction, which
 * `SET LOCAL check_function_bodies` before a function needs.
 */
const withoutWaiting = (up: readonly string[]): string[] => {
  const validated = new Set(up.map((each) => each.replace(' VALIDATE CONSTRAINT ', ' ADD CONSTRAINT ')));
  const isValidated = (each: string) =>
    / NOT VALID$/.test(each) && [...validated].some((start) => each.startsWith(`${start} `));
  return up
    .filter((each) => !VALIDATE.test(each))
    .map((each) =>
      isValidated(each)
        ? each.replace(/ NOT VALID$/, '')
        : each.replace(/^CREATE (UNIQUE )?INDEX CONCURRENTLY /, 'CREATE $1INDEX '),
    );
};
const VALIDATE = /^ALTER (TABLE|DOMAIN) .* VALIDATE CONSTRAINT /s;

/** Whose member sets what is granted on all that it makes. */
const createRole = (role: string): string => {
  const made = [`CREATE ROLE ${name(role)}`, `GRANT ${name(role)} TO CURRENT_USER`];
  return `DO $$ BEGIN IF pg_catalog.to_regrole(${literal(name(role))}) IS NULL THEN ${made.map((each) => `EXECUTE ${literal(each)}; `).join('')}END IF; END $$`;
};

/** Roles that definitions of a catalogue name. */
export const rolesIn = ({ grants, policies, settings }: Catalogue): readonly string[] =>
  [
    ...grants.flatMap(({ grantee, creator }) => [grantee, ...(creator ? [creator] : [])]),
    ...policies.flatMap(({ roles }) => roles),
    ...settings.flatMap(({ role }) => role ?? []),
  ].filter((role) => role !== 'public' && !role.startsWith('pg_'));
