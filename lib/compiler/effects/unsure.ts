/**
 * After which statements nobody can say any more who has which rights, or what a function's body is: an object made anew,
 * moved or given to another owner, rights taken from many at once, and code that runs other statements.
 */
import type { Node } from 'libpg-query';
import type { Effect } from '../../../lambda/contract/effects';
import { isHarmlessBuiltin, isStable } from '../model/builtins';
import { all, as, type Body, type Kind, kindOf, option, words } from '../read/tree';
import { inspect } from '../rules/inspect';

export function unsureEffects(node: Node): Effect[] {
  const [kind, body] = kindOf(node);
  const rule = RULES[kind] as ((body: object) => Effect[]) | undefined;
  return rule?.(body) ?? [];
}

const rights = (objects: readonly (string | undefined)[] | null, roles: readonly string[] | null = null) =>
  objects === null
    ? [{ kind: 'rights unknown', object: null, roles } as const]
    : objects.flatMap((object) => (object ? [{ kind: 'rights unknown', object, roles } as const] : []));

const RULES: { readonly [K in Kind]?: (body: Body<K>) => Effect[] } = {
  ViewStmt: ({ view, replace }) => (replace ? [] : rights([view?.relname])),
  CreateTableAsStmt: ({ into }) => rights([into?.rel?.relname]),
  CreateSeqStmt: ({ sequence }) => rights([sequence?.relname]),
  CreateSchemaStmt: ({ schemaname, authrole }) => rights([schemaname ?? authrole?.rolename]),
  CreateFunctionStmt: ({ funcname, replace }) => (replace ? [] : rights([words(funcname).at(-1)])),
  CreateRoleStmt: ({ role }) => rights(null, role ? [role] : null),
  RenameStmt: ({ renameType, relation, object, subname, newname }) =>
    renameType === 'OBJECT_ROLE'
      ? rights(
          null,
          [subname, newname].filter((role) => role !== undefined),
        )
      : RENAMED.has(renameType ?? '')
        ? rights([
            relation?.relname ?? words(as(object, 'ObjectWithArgs')?.objname).at(-1) ?? subname,
            newname,
          ])
        : [],
  AlterTableStmt: ({ relation, cmds }) =>
    all(cmds, 'AlterTableCmd').some(({ subtype }) => subtype === 'AT_ChangeOwner')
      ? rights([relation?.relname])
      : [],
  AlterOwnerStmt: ({ relation, object }) =>
    rights([
      relation?.relname ?? words(as(object, 'ObjectWithArgs')?.objname).at(-1) ?? as(object, 'String')?.sval,
    ]),
  DropOwnedStmt: ({ roles }) => rights(null, named(roles)),
  ReassignOwnedStmt: ({ roles }) => rights(null, named(roles)),
  GrantStmt: (body) => {
    if (body.is_grant) return [];
    const roles = named(body.grantees);
    // What a role has granted in its turn goes with its own rights.
    if (body.behavior === 'DROP_CASCADE') return rights(null);
    if (body.targtype !== 'ACL_TARGET_OBJECT') return rights(null, roles);
    return roles === null ? rights(null) : [];
  },
  DoStmt: ({ args }) => {
    const text = as(option(args, 'as')?.arg, 'String')?.sval ?? '';
    return code(
      RUNS_ANYTHING.test(text) ? null : [...text.matchAll(CALL)].map(([, name]) => name!.toLowerCase()),
    );
  },
  CallStmt: ({ funccall }) => code(words(funccall?.funcname).slice(-1)),
  SelectStmt: called,
  InsertStmt: called,
  UpdateStmt: called,
  DeleteStmt: called,
};

const RENAMED = new Set([
  ...['OBJECT_TABLE', 'OBJECT_FOREIGN_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_SEQUENCE'],
  ...['OBJECT_FUNCTION', 'OBJECT_PROCEDURE', 'OBJECT_ROUTINE', 'OBJECT_SCHEMA'],
]);

/** Null where one of them is no name: PUBLIC has one, CURRENT_USER has none that the file tells. */
function named(roles: readonly Node[] | undefined): readonly string[] | null {
  const names = all(roles, 'RoleSpec').map(({ roletype, rolename }) =>
    roletype === 'ROLESPEC_PUBLIC' ? 'public' : (rolename ?? null),
  );
  return names.includes(null) ? null : names.filter((name) => name !== null);
}

/** In a DO block: other statements may be put together at run time, or stand there. */
const RUNS_ANYTHING =
  /\b(?:execute|call|perform|function|procedure|routine|revoke|owner|owned|drop|rename)\b/i;
const CALL = /([a-z_][\w$]*)"?\s*\(/gi;

const code = (calls: readonly string[] | null): Effect[] =>
  calls === null || calls.length > 0 ? [{ kind: 'code', calls: calls && [...new Set(calls)] }] : [];

/** The server's own functions change no body and take no rights. */
function called(body: object): Effect[] {
  const own = inspect(body).calls.filter(({ name }) => !isHarmlessBuiltin(name) && !isStable(name));
  return code(own.flatMap(({ name }) => name.slice(-1)));
}
