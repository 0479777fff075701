import { findBoundaryProblems } from './boundaries.ts';
import { reportProblems, ROOT } from './workspace.ts';

reportProblems('boundaries', findBoundaryProblems(ROOT));
