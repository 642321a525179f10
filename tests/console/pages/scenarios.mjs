// The scenarios of a workspace.
export const paths = ['/console/music/scenarios']
