/** What a statement makes or takes away, from its syntax tree: the manifest carries it for the diagnosis. */
import type { CreateFunctionStmt, DropStmt, GrantStmt, Node, RenameStmt } from 'libpg-query';
import type { Effect } from '../../../lambda/contract/effects';
import { sha256 } from '../../../lambda/contract/manifest';
import { inSchema } from '../model/model-updates';
import type { ParsedStatement } from '../read/statements';
import { all, as, type Body, type Kind, kindOf, option, words } from '../read/tree';
import type { Context } from '../rules/facts';
import { objectName, relationName, typeOf } from './catalog-names';
import { Code } from './code';
import { indexKeys } from './constraints';
import { alterTableEffects, createTableEffects, unlessExists } from './tables';
import { unsureEffects } from './unsure';

export { checksOf } from './checks';

/** @param context what is known before the statement runs */
export const effectsOf = (statement: ParsedStatement, context: Context): Effect[] => [
  ...unsureEffects(statement.node),
  ...ofNode(statement.node, context, new Code(statement)),
];

function ofNode(node: Node, context: Context, code: Code): Effect[] {
  const [kind, body] = kindOf(node);
  const rule = RULES[kind] as ((body: object, context: Context, code: Code) => Effect[]) | undefined;
  return rule?.(body, context, code) ?? [];
}

const RULES: { readonly [K in Kind]?: (body: Body<K>, context: Context, code: Code) => Effect[] } = {
  CreateStmt: createTableEffects,
  CreateForeignTableStmt: ({ base }, context, code) => createTableEffects(base ?? {}, context, code),
  CreateTableAsStmt: ({ into, objtype, if_not_exists }, context) => {
    const table = objtype === 'OBJECT_TABLE' ? relationName(into?.rel, context) : undefined;
    const effects: Effect[] = table ? [{ kind: 'table', table }] : [];
    return if_not_exists ? unlessExists(effects) : effects;
  },
  SelectStmt: ({ intoClause }, context) => {
    const table = relationName(intoClause?.rel, context);
    return table ? [{ kind: 'table', table }] : [];
  },
  CreateSchemaStmt: ({ schemaElts, schemaname, authrole }, context, code) => {
    const schema = schemaname ?? authrole?.rolename;
    return schema
      ? (schemaElts ?? []).flatMap((element) => ofNode(inSchema(element, schema), context, code))
      : [];
  },
  AlterTableStmt: alterTableEffects,
  IndexStmt: (body, context, code) => {
    const table = relationName(body.relation, context);
    if (!table) return [];
    const keys = indexKeys(all(body.indexParams, 'IndexElem'), code, body.relation?.location);
    const effect: Effect = {
      kind: 'index',
      table,
      name: body.idxname ?? null,
      keys,
      unique: body.unique ?? false,
      primary: false,
      predicate: body.whereClause ? code.expression(body.whereClause) : null,
      deferrable: false,
    };
    return body.if_not_exists ? unlessExists([effect]) : [effect];
  },
  DropStmt: dropEffects,
  RenameStmt: renameEffects,
  AlterObjectSchemaStmt: ({ relation, object, newschema, objectType }, context) => {
    const from = objectType === 'OBJECT_TABLE' ? relationName(relation, context) : undefined;
    if (from) return [{ kind: 'rename table', from, to: { schema: newschema ?? null, name: from.name } }];
    if (objectType === 'OBJECT_EXTENSION')
      return [{ kind: 'move extension', name: as(object, 'String')?.sval ?? '' }];
    const routine = words(as(object, 'ObjectWithArgs')?.objname);
    if (routine.length === 0) return [];
    const before = objectName(routine, context.path);
    return movedFunction(before, { schema: newschema ?? null, name: before.name });
  },
  CreateFunctionStmt: (body, context) => [
    {
      kind: 'function',
      function: objectName(words(body.funcname), context.path),
      arguments: all(body.parameters, 'FunctionParameter')
        .filter(({ mode }) => mode !== 'FUNC_PARAM_OUT' && mode !== 'FUNC_PARAM_TABLE')
        .map(({ argType }) => typeOf({ ...argType, typmods: undefined })),
      source: sourceOf(body),
    },
  ],
  CreateExtensionStmt: ({ extname }) => [{ kind: 'extension', name: extname ?? '' }],
  AlterExtensionStmt: ({ extname }) => [{ kind: 'alter extension', name: extname ?? '' }],
  GrantStmt: privilegeEffects,
};

/** One string after AS; two are a C function's library and symbol. */
function sourceOf({ options }: CreateFunctionStmt): string | null {
  const strings = words(as(option(options, 'as')?.arg, 'List')?.items);
  return strings.length === 1 ? sha256(strings[0]!) : null;
}

function dropEffects({ objects, removeType }: DropStmt, context: Context): Effect[] {
  return (objects ?? []).flatMap((object): Effect[] => {
    switch (removeType) {
      case 'OBJECT_TABLE':
      case 'OBJECT_FOREIGN_TABLE': {
        const table = named(words(object), context);
        return table ? [{ kind: 'drop table', table }] : [];
      }
      case 'OBJECT_INDEX': {
        const index = named(words(object), context);
        return index ? [{ kind: 'drop index', index }] : [];
      }
      case 'OBJECT_FUNCTION':
      case 'OBJECT_PROCEDURE':
      case 'OBJECT_ROUTINE':
      case 'OBJECT_AGGREGATE': {
        const name = words(as(object, 'ObjectWithArgs')?.objname);
        return [{ kind: 'drop function', function: objectName(name, context.path) }];
      }
      case 'OBJECT_EXTENSION':
        return [{ kind: 'drop extension', name: as(object, 'String')?.sval ?? '' }];
      default:
        return [];
    }
  });
}

const named = (parts: readonly string[], context: Context) =>
  relationName({ schemaname: parts.length > 1 ? parts.at(-2) : undefined, relname: parts.at(-1) }, context);

function renameEffects(body: RenameStmt, context: Context): Effect[] {
  const { relation, renameType, subname = '', newname: to = '', object } = body;
  const routine = words(as(object, 'ObjectWithArgs')?.objname);
  if (routine.length > 0) {
    const before = objectName(routine, context.path);
    return movedFunction(before, { ...before, name: to });
  }
  const from = relationName(relation, context);
  if (!from) return [];
  switch (renameType) {
    case 'OBJECT_TABLE':
    case 'OBJECT_FOREIGN_TABLE':
      return [{ kind: 'rename table', from, to: { ...from, name: to } }];
    case 'OBJECT_INDEX':
      return [{ kind: 'rename index', from, to: { ...from, name: to } }];
    case 'OBJECT_COLUMN':
      return [{ kind: 'rename column', table: from, from: subname, to }];
    case 'OBJECT_TABCONSTRAINT':
      return [{ kind: 'rename constraint', table: from, from: subname, to }];
    default:
      return [];
  }
}

type FunctionName = Extract<Effect, { kind: 'drop function' }>['function'];

const movedFunction = (before: FunctionName, after: FunctionName): Effect[] => [
  { kind: 'drop function', function: before },
  { kind: 'function', function: after, arguments: null, source: null },
];

const GRANTED = {
  OBJECT_TABLE: 'table',
  OBJECT_SEQUENCE: 'sequence',
  OBJECT_SCHEMA: 'schema',
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'function',
  OBJECT_ROUTINE: 'function',
} as const;

function privilegeEffects(body: GrantStmt, context: Context): Effect[] {
  const on = GRANTED[body.objtype as keyof typeof GRANTED];
  const privileges = all(body.privileges, 'AccessPriv');
  const whole = privileges.filter(({ cols }) => !cols).map(({ priv_name }) => priv_name ?? '');
  if (!on || body.targtype !== 'ACL_TARGET_OBJECT' || whole.length < Math.min(1, privileges.length))
    return [];
  // REVOKE GRANT OPTION FOR takes away no right.
  if (!body.is_grant && body.grant_option) return [];
  const roles = all(body.grantees, 'RoleSpec').flatMap(({ roletype, rolename }) =>
    roletype === 'ROLESPEC_PUBLIC' ? 'public' : (rolename ?? []),
  );
  if (roles.length === 0) return [];
  return (body.objects ?? []).flatMap((object): Effect[] => {
    const relation = as(object, 'RangeVar');
    const routine = as(object, 'ObjectWithArgs');
    const name = relation
      ? relationName(relation, context)
      : on === 'schema'
        ? { schema: null, name: as(object, 'String')?.sval ?? '' }
        : objectName(words(routine?.objname), context.path);
    return name
      ? [{ kind: body.is_grant ? 'grant' : 'revoke', on, object: name, privileges: whole, roles }]
      : [];
  });
}
