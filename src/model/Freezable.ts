/**
 * What can be named to be frozen, or to have an optimizer of its own, as types: the groups that the compiler knows of, and names that layers get by themselves.
 */

// -------------------------------------------------------------------------------------
// names
// -------------------------------------------------------------------------------------

/** What layers with parameters are called that were given no name, before their number. Wrappers are scopes. */
export const automaticNames = [
  'dense',
  'einsum_dense',
  'bilinear',
  'embedding',
  'conv1d',
  'conv2d',
  'conv3d',
  'conv1d_transpose',
  'conv2d_transpose',
  'conv3d_transpose',
  'depthwise_conv1d',
  'depthwise_conv2d',
  'separable_conv1d',
  'separable_conv2d',
  'batch_normalization',
  'layer_normalization',
  'group_normalization',
  'instance_normalization',
  'rms_normalization',
  'spectral_normalization',
  'weight_normalization',
  'prelu',
  'simple_rnn',
  'lstm',
  'gru',
  'conv_lstm1d',
  'conv_lstm2d',
  'conv_lstm3d',
  'attention',
  'additive_attention',
  'multi_head_attention',
  'grouped_query_attention',
  'learned_positions',
  'bidirectional',
  'time_distributed',
  'model',
] as const;

type Base = (typeof automaticNames)[number];

/** `dense`, `dense_1`. Users' own layers have theirs from `named` here. */
type AutomaticName = Base | `${Base}_${number}`;

// -------------------------------------------------------------------------------------
// check
// -------------------------------------------------------------------------------------

/** The paths that the model does not have; none where nothing is known of groups, or of the paths. */
type Strangers<G extends string, P extends string> = string extends G | P
  ? never
  : P extends G | AutomaticName | `${G | AutomaticName}.${string}`
    ? never
    : P;

/** The message for each path that the model does not have. */
export type CheckFreeze<G extends string, P extends string> =
  Strangers<G, P> extends infer S extends string ? `fit: freeze: the model has no group '${S}'` : never;

/** The same for the paths of an optimizer's groups; `unknown` where there is nothing to say. */
export type CheckPaths<G extends string, P extends string> = [Strangers<G, P>] extends [never]
  ? unknown
  : `compile: optimizer: the model has no group '${Strangers<G, P>}'`;
