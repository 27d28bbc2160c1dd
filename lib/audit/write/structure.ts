/**
 * Writes the structure of a database as migrations. `check --run` applies them first, so that files written for the
 * database can be tried on an empty server. Pure; the parser must be loaded.
 */
import type { Catalog } from '../../../lambda/audit/catalog';
import { escapeCarriageReturns } from './carriage-returns';
import { quoteName as name, quoteText } from './names';
import { buildAllSteps } from './repair-plan';
import type { RepairStep } from './repair-step';

/** Subfolder of the migrations folder for the structure. */
export const BASE_FOLDER = 'base';

/** File by which the subfolder is recognized. */
export const BASE_FILE = '0000_as_found.sql';

/** Maximum size of a file. Migration files may have up to 4 MiB. */
const MAX_FILE_CHARACTERS = 1_000_000;

/** @param roles roles that the written files may name, in addition to those of the structure */
export function buildStructureFiles(catalog: Catalog, roles: Iterable<string>): ReadonlyMap<string, string> {
  // A role's grants are one step. With default privileges among them, the whole step would be left out.
  const grants = catalog.grants.filter(({ on }) => on !== 'default privileges');
  const { parts, unwritten } = buildAllSteps({ ...catalog, grants }, buildEmptyCatalog(catalog));
  const statements = [
    ...[...new Set([...listCatalogRoles(catalog), ...roles])].sort().map(buildCreateRoleSql),
    ...parts.filter(runsOnScratchServer).flatMap(({ up }) => removeConcurrentBuilds(up)),
  ];
  const chunks: string[][] = [[]];
  let size = 0;
  for (const statement of statements) {
    size += statement.length;
    if (size > MAX_FILE_CHARACTERS) {
      chunks.push([]);
      size = statement.length;
    }
    chunks.at(-1)!.push(`${escapeCarriageReturns(statement)};`);
  }
  const left = unwritten.map((why) => `-- Left out: ${why}`);
  return new Map(
    chunks.map((chunk, i) => [
      `${String(i).padStart(4, '0')}_as_found.sql`,
      [FILE_HEADER, ...(i === 0 ? left : []), '', HISTORY_DIRECTIVE, '', '-- migrate:up', ...chunk, ''].join(
        '\n',
      ),
    ]),
  );
}

const FILE_HEADER = `-- The database as it was found, without its rows. \`trueup check --run\` applies it to an empty server before the files of
-- the folder above; nothing else reads it.`;
const HISTORY_DIRECTIVE = '-- migrate:history it is what the database had before';

/**
 * Returns the statements for an empty database on a server that has the roles, and what is left out, with reasons.
 * Statements that require a superuser, and settings of the database, are left out.
 */
export function buildStructureStatements(catalog: Catalog): {
  readonly statements: readonly string[];
  readonly unwritten: readonly string[];
} {
  const { parts, unwritten } = buildAllSteps(catalog, buildEmptyCatalog(catalog));
  const own = parts.filter((part) => runsOnScratchServer(part) || isDefaultPrivileges(part));
  const left = parts.filter((part) => !own.includes(part));
  return {
    statements: own.flatMap(({ up }) => removeConcurrentBuilds(up)),
    unwritten: [
      ...unwritten,
      ...left.map(({ title }) => `${title}: it requires a superuser or belongs to the server`),
    ],
  };
}

const isDefaultPrivileges = ({ phase, up }: RepairStep): boolean =>
  phase === 'grant' && up.some((each) => each.startsWith('ALTER DEFAULT PRIVILEGES'));

/** Returns the catalog of a new, empty database. */
function buildEmptyCatalog(catalog: Catalog): Catalog {
  const empty = Object.fromEntries(Object.keys(catalog).map((kind) => [kind, []])) as unknown as Catalog;
  return {
    ...empty,
    database: catalog.database,
    schemas: [{ name: 'public' }],
    extensions: catalog.extensions.filter((each) => each.name === 'plpgsql'),
  };
}

/** Whether a step can run on the scratch server: no default privileges of other roles, no superuser, no settings. */
const runsOnScratchServer = ({ phase, up }: RepairStep): boolean =>
  phase !== 'setting' &&
  !up.some((each) =>
    /^(ALTER DEFAULT PRIVILEGES|CREATE EVENT TRIGGER|DO |CREATE PUBLICATION .* FOR (ALL TABLES|TABLES IN SCHEMA))/.test(
      each,
    ),
  );

/**
 * The scratch server has no other sessions to block, so indexes are built and constraints validated directly. Then all
 * statements fit into one transaction, which `SET LOCAL check_function_bodies` requires.
 */
const removeConcurrentBuilds = (up: readonly string[]): string[] => {
  const validated = new Set(up.map((each) => each.replace(' VALIDATE CONSTRAINT ', ' ADD CONSTRAINT ')));
  const isValidated = (each: string) =>
    / NOT VALID$/.test(each) && [...validated].some((start) => each.startsWith(`${start} `));
  return up
    .filter((each) => !VALIDATE_STATEMENT.test(each))
    .map((each) =>
      isValidated(each)
        ? each.replace(/ NOT VALID$/, '')
        : each.replace(/^CREATE (UNIQUE )?INDEX CONCURRENTLY /, 'CREATE $1INDEX '),
    );
};
const VALIDATE_STATEMENT = /^ALTER (TABLE|DOMAIN) .* VALIDATE CONSTRAINT /s;

/** Creates a role with the current user as a member, so that the user may alter the role's default privileges. */
const buildCreateRoleSql = (role: string): string => {
  const made = [`CREATE ROLE ${name(role)}`, `GRANT ${name(role)} TO CURRENT_USER`];
  return `DO $$ BEGIN IF pg_catalog.to_regrole(${quoteText(name(role))}) IS NULL THEN ${made.map((each) => `EXECUTE ${quoteText(each)}; `).join('')}END IF; END $$`;
};

/** Lists the roles that definitions of a catalog name. */
export const listCatalogRoles = ({ grants, policies, settings }: Catalog): readonly string[] =>
  [
    ...grants.flatMap(({ grantee, creator }) => [grantee, ...(creator ? [creator] : [])]),
    ...policies.flatMap(({ roles }) => roles),
    ...settings.flatMap(({ role }) => role ?? []),
  ].filter((role) => role !== 'public' && !role.startsWith('pg_'));
