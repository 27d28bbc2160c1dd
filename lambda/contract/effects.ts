/**
 * What a statement of a migration makes or takes away, read by PostgreSQL's own parser at build time. A diagnosis
 * compares these with an object: which migration repairs it, which one took it away.
 */

/** Names as the catalogue keeps them, without quotes. */
export interface ObjectName {
  /** Null where the statement names none: then the search path decides. */
  readonly schema: string | null;
  readonly name: string;
}

/** A column of an index, or the text of an expression as the file writes it, without comments and outer brackets. */
export type IndexKey = { readonly column: string } | { readonly expression: string };

export type Effect = EffectKind & {
  /** IF NOT EXISTS: nothing is made where something of that name is there already, whatever it looks like. */
  readonly unlessExists?: true;
};

type EffectKind =
  | TableEffect
  | ColumnEffect
  | IndexEffect
  | ConstraintEffect
  | RenameEffect
  | PrivilegeEffect
  | FunctionEffect
  | UnsureEffect
  | { readonly kind: 'drop function'; readonly function: ObjectName }
  | {
      /** To move is to give it another schema. */
      readonly kind: 'extension' | 'alter extension' | 'move extension' | 'drop extension';
      readonly name: string;
    };

/** Temporary tables have no effects. */
export interface TableEffect {
  readonly kind: 'table' | 'drop table';
  readonly table: ObjectName;
}

export type ColumnEffect = { readonly table: ObjectName; readonly column: string } & (
  | {
      readonly kind: 'default';
      /** As the file writes it, without comments and outer brackets; null for an identity or a serial. */
      readonly expression: string | null;
    }
  /** PRIMARY KEY, an identity and a serial set it too. */
  | { readonly kind: 'set not null' }
  /** Of a new column, or of one that changes; as `format_type` prints it: `character varying(20)`, `integer[]`. */
  | { readonly kind: 'column type'; readonly type: string }
  | { readonly kind: 'drop default' | 'drop not null' | 'drop column' }
);

export type IndexEffect =
  /** Also what UNIQUE, PRIMARY KEY and EXCLUDE make. */
  | {
      readonly kind: 'index';
      readonly table: ObjectName;
      /** Null where PostgreSQL chooses it. */
      readonly name: string | null;
      readonly keys: readonly IndexKey[];
      /** False for EXCLUDE and WITHOUT OVERLAPS, which ON CONFLICT cannot name by their columns. */
      readonly unique: boolean;
      readonly primary: boolean;
      /** As the file writes it, without comments and outer brackets; null for an index over all rows. */
      readonly predicate: string | null;
      readonly deferrable: boolean;
    }
  /** ADD CONSTRAINT … USING INDEX: an index that is there becomes a constraint, and takes its name. */
  | {
      readonly kind: 'index as constraint';
      readonly table: ObjectName;
      /** In the schema of its table. */
      readonly index: string;
      /** Null where the index keeps its name. */
      readonly name: string | null;
      readonly primary: boolean;
      readonly deferrable: boolean;
    }
  | { readonly kind: 'drop index'; readonly index: ObjectName };

export type ConstraintEffect = { readonly table: ObjectName } & (
  | {
      readonly kind: 'foreign key';
      readonly name: string | null;
      readonly columns: readonly string[];
      readonly references: ObjectName;
      /** Empty where it means the primary key. */
      readonly referenced: readonly string[];
      readonly validated: boolean;
    }
  | { readonly kind: 'check'; readonly name: string | null; readonly validated: boolean }
  /** Whatever it is: a key's index goes with it. */
  | { readonly kind: 'validate constraint' | 'drop constraint'; readonly name: string }
);

/** ALTER … RENAME and SET SCHEMA. */
export type RenameEffect =
  | { readonly kind: 'rename table' | 'rename index'; readonly from: ObjectName; readonly to: ObjectName }
  | {
      readonly kind: 'rename column' | 'rename constraint';
      readonly table: ObjectName;
      readonly from: string;
      readonly to: string;
    };

export interface FunctionEffect {
  /** A procedure too. */
  readonly kind: 'function';
  readonly function: ObjectName;
  /** Types of the arguments that tell overloads apart, as `format_type` prints them; null where they are not known. */
  readonly arguments: readonly string[] | null;
  /** SHA-256, hexadecimal, of what `pg_proc.prosrc` then holds; null for BEGIN ATOMIC, and where it is not known. */
  readonly source: string | null;
}

/** GRANT and REVOKE of whole objects; not those of columns, roles, or all objects of a schema. */
export interface PrivilegeEffect {
  readonly kind: 'grant' | 'revoke';
  readonly on: 'table' | 'sequence' | 'schema' | 'function';
  readonly object: ObjectName;
  /** In lower case; empty for ALL. */
  readonly privileges: readonly string[];
  /** Names of roles, `public` among them. */
  readonly roles: readonly string[];
}

/** After it, what earlier statements said of rights or bodies need no longer hold. */
export type UnsureEffect =
  | {
      readonly kind: 'rights unknown';
      /** Without its schema; null for all. */
      readonly object: string | null;
      /** Null for all. */
      readonly roles: readonly string[] | null;
    }
  | {
      /** A DO block, or functions that are called. */
      readonly kind: 'code';
      /** Functions that are called, without their schemas; null where any statement may run. */
      readonly calls: readonly string[] | null;
    };

/** A call of one of Trueup's own functions in a verify section: `trueup.col_has_default('orders', 'id')`. */
export interface Check {
  /** Without the schema `trueup`. */
  readonly function: string;
  /** Of the arguments given by position. */
  readonly arguments: readonly CheckArgument[];
  /** Of those given by name: `unique => true`. */
  readonly named?: Readonly<Record<string, CheckArgument>>;
}

/** A literal, or an array of them; null for NULL and for what is no literal. */
export type CheckArgument = string | readonly string[] | null;
