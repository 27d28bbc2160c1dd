/**
 * Finds statements after which privileges or function bodies can no longer be known from the files: an object is
 * recreated, moved or given to another owner, privileges are revoked from many objects at once, or code runs other
 * statements.
 */
import type { Node } from 'libpg-query';
import type { Effect } from '../../../lambda/contract/effects';
import { isHarmlessBuiltin, isStableBuiltin } from '../model/builtins';
import {
  findOption,
  getKindAndBody,
  listNameParts,
  type NodeBody,
  type NodeKind,
  unwrapNode,
  unwrapNodes,
} from '../read/tree';
import { inspectTree } from '../rules/inspect';

export function collectUncertainEffects(node: Node): Effect[] {
  const [kind, body] = getKindAndBody(node);
  const rule = RULES[kind] as ((body: object) => Effect[]) | undefined;
  return rule?.(body) ?? [];
}

const buildRightsEffects = (
  objects: readonly (string | undefined)[] | null,
  roles: readonly string[] | null = null,
) =>
  objects === null
    ? [{ kind: 'rights unknown', object: null, roles } as const]
    : objects.flatMap((object) => (object ? [{ kind: 'rights unknown', object, roles } as const] : []));

const RULES: { readonly [K in NodeKind]?: (body: NodeBody<K>) => Effect[] } = {
  ViewStmt: ({ view, replace }) => (replace ? [] : buildRightsEffects([view?.relname])),
  CreateTableAsStmt: ({ into }) => buildRightsEffects([into?.rel?.relname]),
  CreateSeqStmt: ({ sequence }) => buildRightsEffects([sequence?.relname]),
  CreateSchemaStmt: ({ schemaname, authrole }) => buildRightsEffects([schemaname ?? authrole?.rolename]),
  CreateFunctionStmt: ({ funcname, replace }) =>
    replace ? [] : buildRightsEffects([listNameParts(funcname).at(-1)]),
  CreateRoleStmt: ({ role }) => buildRightsEffects(null, role ? [role] : null),
  RenameStmt: ({ renameType, relation, object, subname, newname }) =>
    renameType === 'OBJECT_ROLE'
      ? buildRightsEffects(
          null,
          [subname, newname].filter((role) => role !== undefined),
        )
      : RENAMED_OBJECT_TYPES.has(renameType ?? '')
        ? buildRightsEffects([
            relation?.relname ??
              listNameParts(unwrapNode(object, 'ObjectWithArgs')?.objname).at(-1) ??
              subname,
            newname,
          ])
        : [],
  AlterTableStmt: ({ relation, cmds }) =>
    unwrapNodes(cmds, 'AlterTableCmd').some(({ subtype }) => subtype === 'AT_ChangeOwner')
      ? buildRightsEffects([relation?.relname])
      : [],
  AlterOwnerStmt: ({ relation, object }) =>
    buildRightsEffects([
      relation?.relname ??
        listNameParts(unwrapNode(object, 'ObjectWithArgs')?.objname).at(-1) ??
        unwrapNode(object, 'String')?.sval,
    ]),
  DropOwnedStmt: ({ roles }) => buildRightsEffects(null, readRoleNames(roles)),
  ReassignOwnedStmt: ({ roles }) => buildRightsEffects(null, readRoleNames(roles)),
  GrantStmt: (body) => {
    if (body.is_grant) return [];
    const roles = readRoleNames(body.grantees);
    // Privileges that the role granted to others are revoked with its own.
    if (body.behavior === 'DROP_CASCADE') return buildRightsEffects(null);
    if (body.targtype !== 'ACL_TARGET_OBJECT') return buildRightsEffects(null, roles);
    return roles === null ? buildRightsEffects(null) : [];
  },
  DoStmt: ({ args }) => {
    const text = unwrapNode(findOption(args, 'as')?.arg, 'String')?.sval ?? '';
    return buildCodeEffects(
      DYNAMIC_STATEMENT.test(text)
        ? null
        : [...text.matchAll(CALL_PATTERN)].map(([, name]) => name!.toLowerCase()),
    );
  },
  CallStmt: ({ funccall }) => buildCodeEffects(listNameParts(funccall?.funcname).slice(-1)),
  SelectStmt: collectCallEffects,
  InsertStmt: collectCallEffects,
  UpdateStmt: collectCallEffects,
  DeleteStmt: collectCallEffects,
};

const RENAMED_OBJECT_TYPES = new Set([
  ...['OBJECT_TABLE', 'OBJECT_FOREIGN_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_SEQUENCE'],
  ...['OBJECT_FUNCTION', 'OBJECT_PROCEDURE', 'OBJECT_ROUTINE', 'OBJECT_SCHEMA'],
]);

/** Returns the names of the roles; `null` if one is unknown from the file. PUBLIC has a name, CURRENT_USER does not. */
function readRoleNames(roles: readonly Node[] | undefined): readonly string[] | null {
  const names = unwrapNodes(roles, 'RoleSpec').map(({ roletype, rolename }) =>
    roletype === 'ROLESPEC_PUBLIC' ? 'public' : (rolename ?? null),
  );
  return names.includes(null) ? null : names.filter((name) => name !== null);
}

/** Words in a DO block that may run other statements, directly or built at run time. */
const DYNAMIC_STATEMENT =
  /\b(?:execute|call|perform|function|procedure|routine|revoke|owner|owned|drop|rename)\b/i;
const CALL_PATTERN = /([a-z_][\w$]*)"?\s*\(/gi;

const buildCodeEffects = (calls: readonly string[] | null): Effect[] =>
  calls === null || calls.length > 0 ? [{ kind: 'code', calls: calls && [...new Set(calls)] }] : [];

/**
 * Returns the functions that a statement calls. The server's own functions change no function body and revoke no
 * privilege.
 */
function collectCallEffects(body: object): Effect[] {
  const own = inspectTree(body).calls.filter(
    ({ name }) => !isHarmlessBuiltin(name) && !isStableBuiltin(name),
  );
  return buildCodeEffects(own.flatMap(({ name }) => name.slice(-1)));
}
