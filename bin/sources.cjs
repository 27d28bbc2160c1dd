// For `node --require`: runs the TypeScript sources of a checkout, without a cache that would stay behind.
process.env.TSX_DISABLE_CACHE = '1';
require('tsx/cjs');
