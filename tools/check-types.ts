// Types of everything: sources, tests, examples, benchmarks and the tools themselves.
import { compile } from './compile.ts';
import { listPackages } from './workspace.ts';

process.exitCode = compile([...listPackages().map(({ path }) => `${path}/test`), 'tools']);
