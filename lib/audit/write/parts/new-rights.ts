/** Gives created objects the privileges of the source, regardless of default privileges. */
import type { Grant } from '../../../../lambda/audit/catalog/grants';
import {
  findOwner,
  hasPrivilege,
  hasPrivilegeInformation,
  isOwnerOrSuperuser,
  listGrantsOn,
} from '../../../../lambda/audit/rights';
import { quoteArray, quoteRole, quoteText } from '../names';
import type { RepairContext } from '../repair-context';
import type { CreatedObject, RepairStep } from '../repair-step';
import {
  buildAclFromSql,
  buildGrantStatements,
  describeObject,
  escapePercent,
  findAcl,
  formatGrantObject,
  OBJECT_NOUNS,
} from './rights';

const BY_DEFAULT: Readonly<Partial<Record<Grant['on'], string>>> = {
  table: 'tables',
  sequence: 'sequences',
  function: 'functions',
  type: 'types',
  schema: 'schemas',
};

/**
 * Returns the step, extended so that its new objects have the privileges of the source, regardless of what is granted by
 * default: to PUBLIC by the server, or by ALTER DEFAULT PRIVILEGES of any role that deploys. Further grants of the source
 * follow in a later file, with a decision about the roles. If the source has no privilege information, the step asks for a
 * decision.
 */
export function withRights(context: RepairContext, part: RepairStep): RepairStep {
  const { creates = [] } = part;
  if (creates.length === 0) return part;
  if (!hasPrivilegeInformation(context.source)) return asksForDefaults(context, part, creates);
  const made = creates.map((each) => ({ up: asInSource(context, each), verify: noOthers(context, each) }));
  return {
    ...part,
    up: [...part.up, ...made.flatMap(({ up }) => up)],
    verify: [...part.verify, ...made.flatMap(({ verify }) => verify)],
  };
}

/** Lists the default privileges that apply to the object, for any creating role. */
const defaultsFor = ({ byDefault }: RepairContext, { on, schema }: CreatedObject): readonly Grant[] =>
  byDefault.filter(
    (each) => each.name === BY_DEFAULT[on] && (each.schema === undefined || each.schema === schema),
  );

function asksForDefaults(
  context: RepairContext,
  part: RepairStep,
  creates: readonly CreatedObject[],
): RepairStep {
  const grantees = creates.flatMap((object) =>
    defaultsFor(context, object)
      .filter(({ revoked, grantee }) => !revoked && !isOwnerOrSuperuser(context.target, object, grantee))
      .map(({ grantee }) => grantee),
  );
  if (grantees.length === 0) return part;
  const roles = [...new Set(grantees)].sort().map(quoteRole).join(', ');
  const what = describeObject(creates[0]!);
  return {
    ...part,
    decide: [
      ...(part.decide ?? []),
      `default privileges of this database give ${roles} privileges on ${what}, and the source has no privilege information. Should they have them? If not, REVOKE them below`,
    ],
  };
}

function asInSource(context: RepairContext, object: CreatedObject): string[] {
  const { source, target } = context;
  const here = defaultsFor(context, object);
  const rights = listGrantsOn(source, object);
  const has = ({ grantee, privilege, grantable }: Grant): boolean =>
    allowedFor(source, object, rights).has(
      spell({ grantee, privilege, ...(grantable ? { grantable } : {}) }),
    );
  const toPublic = listGrantsOn({ ...target, grants: [] }, object);
  const byDefault = [...here.filter(({ revoked }) => !revoked), ...toPublic]
    .map(
      ({ grantee, privilege, grantable }): Grant => ({
        ...object,
        grantee,
        privilege,
        ...(grantable ? { grantable } : {}),
      }),
    )
    .filter(
      (each) =>
        !isOwnerOrSuperuser(source, object, each.grantee) &&
        !isOwnerOrSuperuser(target, object, each.grantee),
    );
  const tooMuch = byDefault.filter((each) => !has(each));
  const isWhole = (grantee: string): boolean => !rights.some((each) => each.grantee === grantee);
  const whole = [...new Set(tooMuch.map(({ grantee }) => grantee).filter(isWhole))].sort();
  const some = tooMuch
    .filter(({ grantee }) => !isWhole(grantee))
    .map(
      (each): Grant => ({
        ...each,
        revoked: true,
        ...(each.grantable && has({ ...each, grantable: undefined } as Grant)
          ? {}
          : { grantable: undefined }),
      }),
    );
  // The target may have revoked a default of the server for PUBLIC that the source still has.
  const missing = toPublic.filter(
    (each) =>
      has(each) &&
      here.some(
        ({ revoked, grantee, privilege }) => revoked && grantee === 'public' && privilege === each.privilege,
      ),
  );
  return [
    ...(whole.length === 0
      ? []
      : [
          `REVOKE ALL ON ${OBJECT_NOUNS[object.on as keyof typeof OBJECT_NOUNS]} ${formatGrantObject(object)} FROM ${whole.map(quoteRole).join(', ')}`,
        ]),
    ...buildGrantStatements(once(some)),
    ...buildGrantStatements(missing),
  ];
}

const once = (grants: readonly Grant[]): readonly Grant[] => [
  ...new Map(grants.map((each) => [JSON.stringify(each), each])).values(),
];

const spell = ({
  grantee,
  privilege,
  grantable,
}: Pick<Grant, 'grantee' | 'privilege' | 'grantable'>): string =>
  `${grantee} ${privilege}${grantable ? ' WITH GRANT OPTION' : ''}`;

/** Returns the grants that an object may have after it was created and before the source's grants are made. */
function allowedFor(
  source: RepairContext['source'],
  object: CreatedObject,
  rights: readonly Grant[],
): ReadonlySet<string> {
  const roles = [...new Set(rights.map(({ grantee }) => grantee))];
  const maintain = roles.flatMap((grantee) => {
    const grant: Grant = { ...object, grantee, privilege: 'MAINTAIN' };
    return object.on === 'table' && hasPrivilege(source, grant) ? [grant] : [];
  });
  return new Set(
    [...rights, ...maintain].flatMap((each) => [
      spell({ ...each, grantable: undefined } as Grant),
      spell(each),
    ]),
  );
}

function noOthers({ source, byDefault }: RepairContext, object: CreatedObject): string[] {
  const acl = findAcl(object);
  if (acl === null) return [];
  const rights = listGrantsOn(source, object);
  const allowed = [...allowedFor(source, object, rights)].sort();
  const owner = findOwner(source, object);
  const isGiven = byDefault.some(({ grantee }) => grantee === owner);
  const who = "coalesce(r.rolname::text, 'public')";
  const what = "a.privilege_type || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END";
  return [
    `SELECT pg_catalog.format(${quoteText(`%s has %s on ${escapePercent(describeObject(object))}; the source does not grant it`)}, ${who}, ${what})
${buildAclFromSql(acl, '\nLEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee')}
  AND a.grantee <> ${acl.owner} AND NOT coalesce(r.rolsuper, false)${isGiven && owner !== null ? ` AND ${who} <> ${quoteText(owner)}` : ''}${
    allowed.length === 0
      ? ''
      : `
  AND ${who} || ' ' || ${what} <> ALL (${quoteArray(allowed)}::text[])`
  }`,
  ];
}
