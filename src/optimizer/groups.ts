/**
 * Groups of parameters, each with its own optimizer or its own share of the learning rate.
 */
import { partition, scaleRate } from './around.ts';
import type { Optimizer } from './Options.ts';
import type { Transformation } from './Transformation.ts';

/** An optimizer of its own, or a factor on the rate of the one for the rest. */
export type Group = Optimizer | number;

/** A part that the path leads to: `backbone` holds `backbone.conv2d.kernel`, not `backbone2.kernel`. */
const isIn = (path: string, name: string): boolean => name === path || name.startsWith(`${path}.`);

/** The part of parameters in no group; names in a model have no such path. */
const elsewhere = '*';

/**
 * Parameters by the path of their `named` group: each group with its own optimizer, or with the rest's at so many times
 * its rate (0: does not move, but costs its gradients; freeze it in place of that). The longest path that fits decides; what
 * is in no group follows the optimizer given.
 *
 * A callback that changes the learning rate changes that of all groups in proportion. Schedules of groups run side by
 * side. Clipping, accumulation and averages are each group's own.
 *
 * A path that leads to no parameters of the model is an error of `fit`; where the compiler knows the model's groups, `compile`
 * refuses names that are neither a group, nor inside one, nor of the form that layers without a name get.
 * Keras: MultiOptimizer. PyTorch: parameter groups.
 *
 * @example
 * pipe(Optimizer.adam({ learningRate: 1e-3 }), Optimizer.groups({ backbone: 0.1, head: Optimizer.sgd() }))
 */
export const groups =
  <N extends string = string>(parts: { readonly [K in N]?: Group }) =>
  <P extends string>(rest: Optimizer<P>): Optimizer<N | (string extends P ? never : P)> => {
    const given = Object.entries<Group | undefined>(parts).flatMap(([path, group]) =>
      group === undefined ? [] : [{ path, group }],
    );
    // Longest first, so that the first that fits decides.
    const byLength = [...given].sort((a, b) => b.path.length - a.path.length);
    const transformationOf = (group: Group): Transformation =>
      typeof group === 'number'
        ? scaleRate(group)(rest.transformation)
        : scaleRate(group.learningRate / rest.learningRate)(group.transformation);
    return {
      ...rest,
      name: 'groups',
      paths: [...(rest.paths ?? []), ...given.map(({ path }) => path)] as (N | (string extends P ? never : P))[],
      transformation: partition(({ name }) => byLength.find(({ path }) => isIn(path, name))?.path ?? elsewhere, {
        [elsewhere]: rest.transformation,
        ...Object.fromEntries(given.map(({ path, group }) => [path, transformationOf(group)])),
      }),
      config: {
        ...rest.config,
        ...Object.fromEntries(
          given.flatMap(({ path, group }) =>
            typeof group === 'number'
              ? [[`${path}.factor`, group]]
              : Object.entries(group.config).map(([name, value]) => [`${path}.${name}`, value]),
          ),
        ),
      },
      problems: [
        ...rest.problems,
        ...given.flatMap(({ path, group }) => [
          ...(path === '' || path === elsewhere ? [`groups: '${path}' is no path of parameters`] : []),
          ...(typeof group === 'number'
            ? group >= 0 && Number.isFinite(group)
              ? []
              : [`groups: the factor of '${path}' must be a finite number, 0 or more, got ${group}`]
            : group.problems.map((problem) => `groups: '${path}': ${problem}`)),
        ]),
        ...(rest.learningRate === 0 && given.some(({ group }) => typeof group !== 'number')
          ? ['groups: the learning rate of the rest must be above 0: the rates of other groups are in proportion to it']
          : []),
      ],
    };
  };
