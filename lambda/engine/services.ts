/** Schemas in which a hosted database keeps what is its own. Pure. */

/** Of Supabase; `extensions` holds what extensions bring, and `graphql_public` a function that one of them makes. */
export const SERVICE_SCHEMAS: readonly string[] = [
  '_analytics',
  '_realtime',
  'auth',
  'cron',
  'extensions',
  'graphql',
  'graphql_public',
  'net',
  'pgbouncer',
  'pgmq',
  'pgsodium',
  'pgsodium_masks',
  'realtime',
  'storage',
  'supabase_functions',
  'supabase_migrations',
  'vault',
];

/** A database that has all of them is Supabase's: an application may have a schema `auth` of its own. */
export const TELLING_SCHEMAS: readonly string[] = ['auth', 'storage', 'realtime'];
