/**
 * Objects that a statement of a migration creates or removes, as PostgreSQL's own parser reads it at build time. A
 * diagnosis compares these effects with an object to find the migration that repairs it, or the one that removed it.
 */

/** A name as the catalog stores it, without quotes. */
export interface ObjectName {
  /** `null` if the statement names none, so that the search path decides. */
  readonly schema: string | null;
  readonly name: string;
}

/** A column of an index, or the text of an expression as in the file, without comments and outer parentheses. */
export type IndexKey = { readonly column: string } | { readonly expression: string };

export type Effect = EffectKind & {
  /**
   * Whether the statement has IF NOT EXISTS: nothing is created if an object of that name exists, whatever its
   * definition.
   */
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
  | UnknownEffect
  | { readonly kind: 'drop function'; readonly function: ObjectName }
  | {
      /** `move extension` is ALTER EXTENSION … SET SCHEMA. */
      readonly kind: 'extension' | 'alter extension' | 'move extension' | 'drop extension';
      readonly name: string;
    };

/** Creates or drops a table. Temporary tables have no effects. */
export interface TableEffect {
  readonly kind: 'table' | 'drop table';
  readonly table: ObjectName;
}

export type ColumnEffect = { readonly table: ObjectName; readonly column: string } & (
  | {
      readonly kind: 'default';
      /**
       * The expression as in the file, without comments and outer parentheses; `null` for an identity or serial
       * column.
       */
      readonly expression: string | null;
    }
  /** PRIMARY KEY, identity and serial columns have this effect too. */
  | { readonly kind: 'set not null' }
  /** The type of a new or changed column, as `format_type` prints it: `character varying(20)`, `integer[]`. */
  | { readonly kind: 'column type'; readonly type: string }
  | { readonly kind: 'drop default' | 'drop not null' | 'drop column' }
);

export type IndexEffect =
  /** Includes the indexes that UNIQUE, PRIMARY KEY and EXCLUDE create. */
  | {
      readonly kind: 'index';
      readonly table: ObjectName;
      /** `null` if PostgreSQL chooses it. */
      readonly name: string | null;
      readonly keys: readonly IndexKey[];
      /** False for EXCLUDE and WITHOUT OVERLAPS, which ON CONFLICT cannot infer from their columns. */
      readonly unique: boolean;
      readonly primary: boolean;
      /** The predicate as in the file, without comments and outer parentheses; `null` for an index over all rows. */
      readonly predicate: string | null;
      readonly deferrable: boolean;
    }
  /**
   * ADD CONSTRAINT … USING INDEX turns an existing index into a constraint and renames it to the constraint's name.
   */
  | {
      readonly kind: 'index as constraint';
      readonly table: ObjectName;
      /** Name of the index, which is in the schema of its table. */
      readonly index: string;
      /** `null` if the index keeps its name. */
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
      /** Empty if the primary key is referenced. */
      readonly referenced: readonly string[];
      readonly validated: boolean;
    }
  | {
      readonly kind: 'check';
      readonly name: string | null;
      readonly validated: boolean;
      /** The expression as in the file, without comments and outer parentheses. @default - not known */
      readonly expression?: string;
    }
  /** A constraint of any type. Dropping a key also drops its index. */
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
  /** Includes procedures. */
  readonly kind: 'function';
  readonly function: ObjectName;
  /** Types of the arguments that distinguish overloads, as `format_type` prints them; `null` if they are not known. */
  readonly arguments: readonly string[] | null;
  /** SHA-256, in hexadecimal, of the resulting `pg_proc.prosrc`; `null` for BEGIN ATOMIC, or if it is not known. */
  readonly source: string | null;
}

/** GRANT and REVOKE on whole objects. Those on columns, roles or all objects of a schema are not included. */
export interface PrivilegeEffect {
  readonly kind: 'grant' | 'revoke';
  readonly on: 'table' | 'sequence' | 'schema' | 'function';
  readonly object: ObjectName;
  /** In lower case; empty for ALL. */
  readonly privileges: readonly string[];
  /** Names of roles, including `public`. */
  readonly roles: readonly string[];
}

/** An effect after which the privileges or function bodies of earlier statements may no longer hold. */
export type UnknownEffect =
  | {
      readonly kind: 'rights unknown';
      /** The object's name without its schema; `null` for all objects. */
      readonly object: string | null;
      /** `null` for all roles. */
      readonly roles: readonly string[] | null;
    }
  | {
      /** A DO block, or function calls. */
      readonly kind: 'code';
      /** Names of the called functions, without their schemas; `null` if any statement may run. */
      readonly calls: readonly string[] | null;
    };

/** A call of one of Trueup's own functions in a verify section: `trueup.col_has_default('orders', 'id')`. */
export interface VerificationCall {
  /** Name without the schema `trueup`. */
  readonly function: string;
  /** The positional arguments. */
  readonly arguments: readonly VerificationArgument[];
  /** The named arguments, e.g. `unique => true`. */
  readonly named?: Readonly<Record<string, VerificationArgument>>;
}

/** A literal, or an array of literals; `null` for NULL and for anything that is not a literal. */
export type VerificationArgument = string | readonly string[] | null;
