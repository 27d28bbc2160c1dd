import { quoteIfNeeded } from '../../sql/quote';
import type { Catalog } from '../catalog';
import type { Grant } from '../catalog/grants';
import { formatCount, formatPath, joinKey } from '../names';
import {
  buildPrivilegeObjectKey,
  hasPrivilege,
  hasPrivilegeInformation,
  isImplicitGrant,
  isKnownObject,
  isKnownRole,
  isOwnerOrSuperuser,
  listExplicitGrants,
  listGrantsOn,
} from '../rights';
import { type Comparison, type Difference, type LostObject, makeComparison } from './difference';
import { type CatalogPair, groupBy, readMajorVersion } from './pair';

/**
 * A role that lacks privileges on more objects than this, and has none in the target, is reported once for all of
 * them.
 */
const MAX_SEPARATE_FINDINGS = 3;

/** Compares privileges. Those of one role on one object are one finding. */
export function compareGrants(pair: CatalogPair): Comparison {
  return makeComparison([...findMissingGrants(pair), ...findAddedGrants(pair)]);
}

function findMissingGrants(pair: CatalogPair): readonly Difference[] {
  const { source, target } = pair;
  const isHere = (grant: Grant): boolean =>
    listGrantsOn(target, grant).some(
      ({ grantee, privilege, grantable }) =>
        grantee === grant.grantee && privilege === grant.privilege && (grantable || !grant.grantable),
    );
  const lost = [
    ...source.grants.filter((grant) => !grant.revoked && !isNewDefault(pair, grant)),
    // Privileges that the server grants to PUBLIC by default and the target revoked.
    ...target.grants.flatMap(({ revoked, ...grant }) =>
      revoked &&
      isImplicitGrant(grant) &&
      hasPrivilegeInformation(source) &&
      isKnownObject(source, grant) &&
      isGranted(source, grant)
        ? [grant]
        : [],
    ),
  ].filter((grant) => existsInTarget(pair, grant) && !isHere(grant));
  const grantees = new Set(target.grants.map(({ grantee }) => grantee));
  return groupByRole(
    lost,
    (grantee, all) => !grantees.has(grantee) && all > MAX_SEPARATE_FINDINGS,
    (grants) => makeObjectDifference(source, grants),
    (...of) => makeRoleDifference(source, ...of),
  );
}

const isGranted = (catalog: Catalog, grant: Grant): boolean =>
  listGrantsOn(catalog, grant).some(
    ({ grantee, privilege }) => grantee === grant.grantee && privilege === grant.privilege,
  );

/**
 * Finds privileges that only the target grants, if the source tells its privileges and the privilege adds something for
 * the role.
 */
function findAddedGrants(pair: CatalogPair): readonly Difference[] {
  const { source, target } = pair;
  // A REVOKE of a default privilege in the source shows that it does not have it, even if it does not tell its other
  // privileges.
  const kept = source.grants.flatMap(({ revoked, ...grant }) => (revoked ? [grant] : []));
  const more = [
    ...kept.filter((grant) =>
      grant.on === 'default privileges'
        ? existsInTarget(pair, grant) && !isRevoked(target, grant)
        : existsInTarget(pair, grant) && isGranted(target, grant),
    ),
    ...(hasPrivilegeInformation(source) ? target.grants : []).filter(
      (grant) =>
        !grant.revoked &&
        isKnownObject(source, grant) &&
        !hasPrivilege(source, grant) &&
        !isOwnerOrSuperuser(source, grant, grant.grantee) &&
        !isOwnerOrSuperuser(target, grant, grant.grantee) &&
        !isOldDefault(pair, grant),
    ),
  ];
  const once = [
    ...new Map(
      more.map((each) => [joinKey(buildPrivilegeObjectKey(each), each.grantee, each.privilege), each]),
    ).values(),
  ];
  const grantees = new Set(source.grants.map(({ grantee }) => grantee));
  const isForeign = (role: string): boolean => !isKnownRole(source, role);
  return groupByRole(
    once.map((grant): Grant => ({ ...grant, revoked: true })),
    (grantee, all) => !grantees.has(grantee) && all > MAX_SEPARATE_FINDINGS,
    (grants) => makeAddedOnObject(source, grants, isForeign, isGrantOptionOnly(source)),
    (grantee, grants, objects) => makeAddedToRole(source, grantee, grants, objects, isForeign(grantee)),
  );
}

const isRevoked = (catalog: Catalog, grant: Grant): boolean =>
  listExplicitGrants(catalog, grant).some(
    ({ grantee, privilege, revoked }) =>
      revoked && grantee === grant.grantee && privilege === grant.privilege,
  );

/** Whether the source has the privilege but not its grant option. */
const isGrantOptionOnly =
  (source: Catalog) =>
  (grant: Grant): boolean =>
    grant.grantable === true && hasPrivilege(source, { ...grant, grantable: undefined } as Grant);

function groupByRole(
  grants: readonly Grant[],
  isWhole: (grantee: string, objects: number) => boolean,
  ofOne: (grants: readonly Grant[]) => Difference,
  ofAll: (grantee: string, grants: readonly Grant[], objects: readonly (readonly Grant[])[]) => Difference,
): readonly Difference[] {
  return [...groupBy(grants, ({ grantee }) => grantee)].flatMap(([grantee, own]): readonly Difference[] => {
    const objects = [...groupBy(own, (grant) => buildPrivilegeObjectKey(grant)).values()];
    return isWhole(grantee, objects.length) ? [ofAll(grantee, own, objects)] : objects.map(ofOne);
  });
}

function makeRoleDifference(
  source: Catalog,
  grantee: string,
  grants: readonly Grant[],
  objects: readonly (readonly Grant[])[],
): Difference {
  return {
    id: 'missing-grant',
    object: quoteIfNeeded(grantee),
    message: `Role ${quoteIfNeeded(grantee)} has no privileges here; in the source it has privileges on ${formatCount(objects.length, 'object')}.`,
    source: formatFirstGrants(source, objects),
    target: null,
    lost: toLostObjects(grants),
  };
}

const formatFirstGrants = (source: Catalog, objects: readonly (readonly Grant[])[]): string =>
  objects
    .slice(0, 5)
    .map((each) => formatGrantSql(source, each))
    .join('; ') + (objects.length > 5 ? '; …' : '');

function makeAddedToRole(
  source: Catalog,
  grantee: string,
  grants: readonly Grant[],
  objects: readonly (readonly Grant[])[],
  isForeign: boolean,
): Difference {
  return {
    id: 'grant-added',
    object: quoteIfNeeded(grantee),
    message: `${formatGrantee(grantee)} has privileges on ${formatCount(objects.length, 'object')} here; in the source it has none.`,
    source: null,
    target: formatFirstGrants(
      source,
      objects.map((each) => each.map(toGranted)),
    ),
    lost: toLostObjects(grants.map(removeGrantOption)),
    ...(isForeign || grants.every(({ on }) => on === 'default privileges') ? { isHabit: true } : {}),
  };
}

/** Default privileges affect only future objects. Existing objects are compared one by one. */
function makeAddedOnObject(
  source: Catalog,
  grants: readonly Grant[],
  isForeign: (role: string) => boolean,
  isOption: (grant: Grant) => boolean,
): Difference {
  const [first] = grants as readonly [Grant];
  const { grantee, on, schema, name, creator } = first;
  const privileges = grants
    .map((each) => (isOption(each) ? `${each.privilege} WITH GRANT OPTION` : each.privilege))
    .sort()
    .join(', ');
  const object = formatObject(first);
  const isImplied =
    on === 'default privileges' &&
    isImplicitGrant({ ...first, on: DEFAULT_PRIVILEGE_OBJECTS[name ?? ''] ?? on });
  return {
    id: 'grant-added',
    object,
    message:
      on === 'default privileges'
        ? `Default privileges of ${quoteIfNeeded(creator!)} grant ${privileges} on ${name} to ${formatGrantee(grantee)}; the source does not grant it.`
        : `${formatGrantee(grantee)} has ${privileges} on ${on === 'database' ? 'the' : on} ${object}; the source does not grant it.`,
    source: null,
    target: isImplied ? null : formatGrantSql(source, grants.map(toGranted)),
    lost: toLostObjects(
      grants.map((each) => (each.grantable && !isOption(each) ? removeGrantOption(each) : each)),
    ),
    names: [],
    ...(on === 'table' && schema !== undefined ? { table: [schema, name!] as const } : {}),
    ...(isForeign(grantee) || (on === 'default privileges' && !isImplied) ? { isHabit: true } : {}),
  };
}

/** Kinds of object that default privileges apply to, by the keyword of ALTER DEFAULT PRIVILEGES. */
const DEFAULT_PRIVILEGE_OBJECTS: Readonly<Record<string, Grant['on']>> = {
  functions: 'function',
  types: 'type',
};

const toGranted = ({ revoked: _, ...grant }: Grant): Grant => grant;
const removeGrantOption = ({ grantable: _, ...grant }: Grant): Grant => grant;
const formatGrantee = (grantee: string): string => (grantee === 'public' ? 'PUBLIC' : quoteIfNeeded(grantee));

/**
 * Whether the target's major version explains the missing privilege: MAINTAIN exists since 17, and CREATE on the schema
 * public was granted to PUBLIC by default until 15.
 */
const isNewDefault = ({ target }: CatalogPair, { privilege, on, name, grantee }: Grant): boolean =>
  (privilege === 'MAINTAIN' && readMajorVersion(target) < 17) ||
  (privilege === 'CREATE' && on === 'schema' && name === 'public' && grantee === 'public');

/**
 * Whether an older target explains the added privilege: before 15, PUBLIC had CREATE on the schema public by default.
 */
const isOldDefault = ({ source, target }: CatalogPair, { privilege, on, name, grantee }: Grant): boolean =>
  privilege === 'CREATE' &&
  on === 'schema' &&
  name === 'public' &&
  grantee === 'public' &&
  readMajorVersion(source) >= 15 &&
  readMajorVersion(target) < 15;

/** Whether the target has the object. A missing object has no privileges and is reported separately. */
function existsInTarget(pair: CatalogPair, { on, schema, name = '', column, signature }: Grant): boolean {
  switch (on) {
    case 'table':
      return pair.hasRelation(schema!, name);
    case 'column':
      return (
        pair.columns.has(joinKey(schema!, name, column!)) ||
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

function makeObjectDifference(source: Catalog, grants: readonly Grant[]): Difference {
  const [first] = grants as readonly [Grant];
  const { grantee, on, schema, name, column, signature, creator } = first;
  const privileges = grants
    .map(({ privilege, grantable }) => (grantable ? `${privilege} WITH GRANT OPTION` : privilege))
    .sort();
  const object = formatObject(first);
  const who = formatGrantee(grantee);
  return {
    id: 'missing-grant',
    object,
    message:
      on === 'default privileges'
        ? `Default privileges of ${quoteIfNeeded(creator!)} do not grant ${privileges.join(', ')} on ${name} to ${who}; in the source they do.`
        : `${who} lacks ${privileges.join(', ')} on ${on === 'database' ? 'the' : on} ${object}.`,
    source: formatGrantSql(source, grants),
    target: null,
    lost: toLostObjects(grants),
    names: [],
    ...(on === 'table' && schema !== undefined ? { table: [schema, name!] as const } : {}),
    ...(creator === undefined
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

function formatObject({ on, schema, name, column, signature, creator }: Grant): string {
  if (on === 'database') return 'database';
  if (on === 'default privileges') return schema === undefined ? quoteIfNeeded(creator!) : formatPath(schema);
  const names = [schema, name, column].filter((each) => each !== undefined);
  return formatPath(...names) + (signature === undefined ? '' : `(${signature})`);
}

/** Returns the grants of one role on one object as SQL. */
function formatGrantSql({ database }: Catalog, grants: readonly Grant[]): string {
  const [first] = grants as readonly [Grant];
  const { on, schema, name = '', column, creator } = first;
  const own = column === undefined ? '' : ` (${formatPath(column)})`;
  const privileges = grants
    .map(({ privilege }) => privilege + own)
    .sort()
    .join(', ');
  const option = grants.some(({ grantable }) => grantable) ? ' WITH GRANT OPTION' : '';
  const who = `TO ${formatGrantee(first.grantee)}${option}`;
  if (on === 'default privileges')
    return `ALTER DEFAULT PRIVILEGES FOR ROLE ${formatPath(creator!)}${schema === undefined ? '' : ` IN SCHEMA ${formatPath(schema)}`} GRANT ${privileges} ON ${name.toUpperCase()} ${who}`;
  const object = on === 'column' ? formatPath(schema!, name) : formatObject(first);
  return `GRANT ${privileges} ON ${on === 'column' ? 'TABLE' : on === 'database' ? 'DATABASE' : on === 'function' ? 'ROUTINE' : on.toUpperCase()} ${on === 'database' ? formatPath(database[0]?.name ?? '') : object} ${who}`;
}

const toLostObjects = (grants: readonly Grant[]): readonly LostObject[] =>
  grants.map((from) => ({ kind: 'grants', from }));
