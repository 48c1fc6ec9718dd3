/**
 * Models and what is read off them: checked layers (`resolve`), first values (`initialValues`), a table (`summary`), nodes and edges (`nodes`).
 */

export { initialValue, initialValues } from './Initial.ts';
export type { ModelNode } from './Nodes.ts';
export { nodes, nodesOf } from './Nodes.ts';
export { fans } from './Parameter.ts';
export type { ShapeError } from './Resolve.ts';
export { resolve } from './Resolve.ts';
export type { ParameterSpec, PlacedLayer, Resolved, Source } from './Resolved.ts';
export type { SummaryOptions } from './Summary.ts';
export { summary, summaryOf } from './Summary.ts';
export type { Groups, GroupsOf, Model } from './Wiring.ts';
export { asLayer, graph, groups, model, through } from './Wiring.ts';
