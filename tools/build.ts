// `npm run build`: the dist of every package.
import { compile } from './compile.ts';
import { listPackages } from './workspace.ts';

process.exitCode = compile(listPackages().map(({ path }) => path));
