/**
 * A namespace that was renamed: the same migrations under another name, whose ledger is empty, would all be run a second
 * time. Two schemas in one database are two namespaces too; they are told apart by who else is meant to be there, and by
 * what is applied under the other name. Pure, but for the question.
 */
import type { ConvergeRequest } from '../../contract/converge';
import type { ErrorInfo } from '../../contract/errors';
import type { Manifest } from '../../contract/manifest';
import type { Database } from '../../postgres/database';
import { readLongText } from '../../postgres/long-text';
import type { Ledger } from '../ledger/ledger';
import { stackOwnerName } from '../ledger/rows';

/** Another ledger of the database. */
export interface OtherNamespace {
  readonly name: string;
  /** Checksums of `up` by name. */
  readonly applied: Readonly<Record<string, string>>;
}

/** A person may not know which stack a ledger is of; a stack is asked about its own. */
const READ = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', n.name, 'applied',
    (SELECT pg_catalog.json_object_agg(m.name, m.up_checksum) FROM trueup.migrations m
     WHERE m.namespace OPERATOR(pg_catalog.=) n.name AND m.state OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text))
  ORDER BY n.name), '[]')::pg_catalog.text
FROM trueup.namespaces n WHERE n.name OPERATOR(pg_catalog.<>) $1::pg_catalog.text
  AND ($2::pg_catalog.text IS NULL OR n.owner OPERATOR(pg_catalog.=) $2::pg_catalog.text)
  AND EXISTS (SELECT FROM trueup.migrations m WHERE m.namespace OPERATOR(pg_catalog.=) n.name
    AND m.state OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text)`;

/** Null where nothing is in the way; a namespace that has a ledger of its own is never in doubt. */
export async function renamedSince(
  db: Database,
  manifest: Manifest,
  ledger: Ledger,
  request: ConvergeRequest,
): Promise<ErrorInfo | null> {
  const known = ledger.migrations.some(({ state }) => state !== 'undone');
  if (known || ledger.version === null || request.beside === undefined) return null;
  const owner = request.owner && stackOwnerName(request.owner);
  const found = await readLongText(db, READ, [request.namespace, owner]);
  return renamed(JSON.parse(found ?? '[]') as OtherNamespace[], manifest, request);
}

export function renamed(
  others: readonly OtherNamespace[],
  manifest: Manifest,
  { namespace, beside = [], formerNamespace, owner }: ConvergeRequest,
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
        : `namespace ${namespace} has no ledger in this database, while the same resource's namespace was ${former.name} so far`,
    remedy:
      owner === null
        ? `Nothing was run. Give \`--namespace ${former.name}\` if the folder was renamed, or \`--namespace ${namespace}\` if it should run here once more.`
        : `Nothing was run. Set \`namespace: '${former.name}'\` on the SchemaMigrations: a folder may be renamed, its ledger keeps its name. Other migrations than those belong to a SchemaMigrations of their own.`,
  };
}
