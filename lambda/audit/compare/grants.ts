import { quoteWhereNeeded } from '../../sql/quote';
import type { Grant } from '../catalogue/grants';
import { key, path, plural } from '../names';
import { type Comparison, type Difference, type Lost, only } from './difference';
import { grouped, majorOf, type Pair } from './pair';

/** A role that lost more than this, and has nothing here, is one finding. */
const ONE_BY_ONE = 3;

/** Privileges of one role on one object are one finding. */
export function compareGrants(pair: Pair): Comparison {
  const keyOf = (grant: Grant): string =>
    key(objectKey(grant), grant.grantee, grant.privilege, String(grant.revoked ?? false));
  const here = new Map(pair.target.grants.map((each) => [keyOf(each), each]));
  const lost = pair.source.grants.filter((grant) => {
    const found = here.get(keyOf(grant));
    if (isNewDefault(pair, grant)) return false;
    return isThere(pair, grant) && (found === undefined || (grant.grantable && !found.grantable));
  });
  const grantees = new Set(pair.target.grants.map(({ grantee }) => grantee));
  return only(
    [...grouped(lost, ({ grantee }) => grantee)].flatMap(([grantee, grants]): readonly Difference[] => {
      const objects = [
        ...grouped(grants, (grant) => key(objectKey(grant), String(grant.revoked ?? false))).values(),
      ];
      if (grantees.has(grantee) || objects.length <= ONE_BY_ONE) return objects.map((each) => onOne(each));
      return [
        {
          id: 'grant-lost',
          object: quoteWhereNeeded(grantee),
          message: `Role ${quoteWhereNeeded(grantee)} has no privilege here; in the source it has some on ${plural(objects.length, 'object')}.`,
          source:
            objects
              .slice(0, 5)
              .map((each) => said(each))
              .join('; ') + (objects.length > 5 ? '; …' : ''),
          target: null,
          lost: ofGrants(grants),
        },
      ];
    }),
  );
}

/** What a server of the target's major gives or knows no more, or not yet: MAINTAIN (17), CREATE in public for all (until 15). */
const isNewDefault = ({ target }: Pair, { privilege, on, name, grantee }: Grant): boolean =>
  (privilege === 'MAINTAIN' && majorOf(target) < 17) ||
  (privilege === 'CREATE' && on === 'schema' && name === 'public' && grantee === 'public');

const objectKey = ({
  on,
  schema = '',
  name = '',
  column = '',
  signature = '',
  creator = '',
}: Grant): string => key(on, schema, name, column, signature, creator);

/** What is not there has no privileges; that it is not there is said elsewhere. */
function isThere(pair: Pair, { on, schema, name = '', column, signature }: Grant): boolean {
  switch (on) {
    case 'table':
      return pair.hasRelation(schema!, name);
    case 'column':
      return (
        pair.columns.has(key(schema!, name, column!)) ||
        pair.target.views.some((view) => view.schema === schema && view.name === name)
      );
    case 'sequence':
      return pair.target.sequences.some((each) => each.schema === schema && each.name === name);
    case 'schema':
      return pair.hasSchema(name);
    case 'function':
      return pair.target.functions.some(
        (each) => each.schema === schema && each.name === name && each.signature === signature,
      );
    case 'type':
      return pair.hasType(schema!, name);
    case 'database':
      return true;
    case 'default privileges':
      return schema === undefined || pair.hasSchema(schema);
  }
}

function onOne(grants: readonly Grant[]): Difference {
  const [first] = grants as readonly [Grant];
  const { grantee, on, schema, name, column, signature, creator, revoked } = first;
  const privileges = grants
    .map(({ privilege, grantable }) => (grantable ? `${privilege} WITH GRANT OPTION` : privilege))
    .sort();
  const object = objectOf(first);
  const who = grantee === 'public' ? 'PUBLIC' : quoteWhereNeeded(grantee);
  const isPlain = creator === undefined && !revoked;
  return {
    id: 'grant-lost',
    object,
    message: revoked
      ? `${who} has ${privileges.join(', ')} on ${on} ${object}; in the source that is revoked.`
      : on === 'default privileges'
        ? `New ${name} of ${quoteWhereNeeded(creator!)} give ${who} no ${privileges.join(', ')}; in the source they do.`
        : `${who} lacks ${privileges.join(', ')} on ${on} ${object}.`,
    source: said(grants),
    target: null,
    lost: ofGrants(grants),
    names: [],
    ...(on === 'table' && schema !== undefined ? { table: [schema, name!] as const } : {}),
    ...(isPlain
      ? {
          privilege: {
            on,
            object: [schema, name, column].filter((each) => each !== undefined),
            ...(signature === undefined ? {} : { signature }),
            grantee,
            privileges,
          },
        }
      : {}),
  };
}

function objectOf({ on, schema, name, column, signature, creator }: Grant): string {
  if (on === 'database') return 'database';
  if (on === 'default privileges') return schema === undefined ? quoteWhereNeeded(creator!) : path(schema);
  const names = [schema, name, column].filter((each) => each !== undefined);
  return path(...names) + (signature === undefined ? '' : `(${signature})`);
}

function said(grants: readonly Grant[]): string {
  const [first] = grants as readonly [Grant];
  const privileges = grants
    .map(({ privilege }) => privilege)
    .sort()
    .join(', ');
  const who = first.grantee === 'public' ? 'PUBLIC' : quoteWhereNeeded(first.grantee);
  const option = grants.some(({ grantable }) => grantable) ? ' WITH GRANT OPTION' : '';
  const on = first.on === 'column' ? 'table' : first.on;
  return first.revoked
    ? `REVOKE ${privileges} ON ${on} ${objectOf(first)} FROM ${who}`
    : `GRANT ${privileges} ON ${on} ${objectOf(first)} TO ${who}${option}`;
}

const ofGrants = (grants: readonly Grant[]): readonly Lost[] =>
  grants.map((from) => ({ kind: 'grants', from }));
