/** Networks whose comparison takes many seconds: hundreds of nodes, or no narrow form. */
export const heavy: ReadonlySet<string> = new Set(['resnet18', 'resnet50', 'googlenet', 'inceptionV3', 'densenet121']);
