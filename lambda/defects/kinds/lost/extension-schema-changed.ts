import { makeLostKind } from '../../lost-kind';

export const extensionSchemaChanged = makeLostKind('extension-schema-changed', {
  title: 'An extension is in another schema',
  impact:
    'Under the search path of the application, unqualified calls to its functions fail or find a different function.',
  origin:
    'Supabase keeps extensions in schema extensions; elsewhere, CREATE EXTENSION creates them in public.',
  remedy:
    'ALTER EXTENSION … SET SCHEMA, if the extension can be moved; or set the search path of the role that calls it.',
});
