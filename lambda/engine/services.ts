/** Schemas that a hosted database service uses for itself. Pure. */

/**
 * Supabase's schemas. `extensions` holds the objects of extensions, and `graphql_public` a function that one of them
 * creates.
 */
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

/**
 * A database that has all of these schemas is Supabase's. One of them is not enough: an application may have its own
 * schema `auth`.
 */
export const SUPABASE_MARKER_SCHEMAS: readonly string[] = ['auth', 'storage', 'realtime'];
