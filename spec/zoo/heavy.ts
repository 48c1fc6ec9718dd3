/** Networks whose comparison takes many seconds: hundreds of nodes, or no narrow form. */
export const heavy: ReadonlySet<string> = new Set([
  ...['resnet18', 'resnet50', 'resnet101', 'resnet152', 'resnet101V2', 'resnet152V2', 'cifarResnet56', 'vitB16'],
  ...['googlenet', 'inceptionV3', 'densenet121', 'densenet169', 'densenet201'],
]);
