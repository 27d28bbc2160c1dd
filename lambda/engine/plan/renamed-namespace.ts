/**
 * Detects a renamed namespace. Its ledger is empty under the new name, so all its migrations would be run a second
 * time. Two schemas in one database are two namespaces as well; they are distinguished by the namespaces that are
 * expected there, and by what is applied under the other name. Pure, except for the query.
 */
import type { ConvergeRequest } from '../../contract/converge';
import type { ErrorInfo } from '../../contract/errors';
import type { Manifest } from '../../contract/manifest';
import type { Database } from '../../postgres/database';
import { readLongText } from '../../postgres/long-text';
import type { Ledger } from '../ledger/ledger';
import { formatStackOwner } from '../ledger/ledger-rows';

/** Another namespace with a ledger in this database. */
export interface OtherNamespace {
  readonly name: string;
  /** Checksum of `up` for each applied migration, by name. */
  readonly applied: Readonly<Record<string, string>>;
}

/** A person may not know which stack owns a ledger, so all namespaces are read; a stack reads only its own. */
const READ_NAMESPACES_SQL = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', n.name, 'applied',
    (SELECT pg_catalog.json_object_agg(m.name, m.up_checksum) FROM trueup.migrations m
     WHERE m.namespace OPERATOR(pg_catalog.=) n.name AND m.state OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text))
  ORDER BY n.name), '[]')::pg_catalog.text
FROM trueup.namespaces n WHERE n.name OPERATOR(pg_catalog.<>) $1::pg_catalog.text
  AND ($2::pg_catalog.text IS NULL OR n.owner OPERATOR(pg_catalog.=) $2::pg_catalog.text)
  AND EXISTS (SELECT FROM trueup.migrations m WHERE m.namespace OPERATOR(pg_catalog.=) n.name
    AND m.state OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text)`;

/**
 * Returns an error if the namespace seems to have been renamed. A namespace that already has applied migrations is
 * never in doubt.
 */
export async function checkRenamedNamespace(
  db: Database,
  manifest: Manifest,
  ledger: Ledger,
  request: ConvergeRequest,
): Promise<ErrorInfo | null> {
  const known = ledger.migrations.some(({ state }) => state !== 'undone');
  if (known || ledger.version === null || request.otherNamespaces === undefined) return null;
  const owner = request.owner && formatStackOwner(request.owner);
  const found = await readLongText(db, READ_NAMESPACES_SQL, [request.namespace, owner]);
  return findRenameError(JSON.parse(found ?? '[]') as OtherNamespace[], manifest, request);
}

export function findRenameError(
  others: readonly OtherNamespace[],
  manifest: Manifest,
  { namespace, otherNamespaces: beside = [], formerNamespace, owner }: ConvergeRequest,
): ErrorInfo | null {
  const same = ({ applied }: OtherNamespace): number =>
    manifest.migrations.filter(
      ({ name, kind, checksums }) => kind === 'versioned' && applied[name] === checksums.up,
    ).length;
  const [former] = others
    .filter(({ name }) => !beside.includes(name))
    .filter((other) => other.name === formerNamespace || same(other) > 0)
    .sort((a, b) => same(b) - same(a));
  if (!former) return null;
  const count = same(former);
  return {
    code: 'ownership',
    message:
      count > 0
        ? `namespace ${namespace} has no ledger in this database, while ${count} of its migrations ${count === 1 ? 'is' : 'are'} applied here under namespace ${former.name}; they would count as new`
        : `namespace ${namespace} has no ledger in this database; until now the namespace of this resource was ${former.name}`,
    remedy:
      owner === null
        ? `Nothing was run. Give \`--namespace ${former.name}\` if the folder was renamed, or \`--namespace ${namespace}\` if it should run here once more.`
        : `Nothing was run. Set \`ledgerName: '${former.name}'\` on the SchemaMigrations: a renamed folder keeps the name of its ledger. If these are different migrations, give them a separate SchemaMigrations.`,
  };
}
