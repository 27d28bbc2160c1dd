/**
 * Entry point of the process that `judgeQuerySync` starts. It judges the query in argv and writes the answer as one
 * line to stdout.
 */
import { printJsonResult } from '../../compiler/child';
import { validateQuery } from './judge-query';

if (require.main === module) void validateQuery(process.argv[2] ?? '').then(printJsonResult);
