# What node-gyp based tools find. It has no sources: the build is CMakeLists.txt's, run by scripts/install.js.
{
  'targets': [
    {
      'target_name': 'jumpout',
      'type': 'none',
      'actions': [
        {
          'action_name': 'cmake',
          'message': 'Building with CMake',
          'inputs': ['CMakeLists.txt'],
          'outputs': ['<(INTERMEDIATE_DIR)/always'], # never written, so that CMake always decides what is out of date
          'action': ['node', 'scripts/install.js'],
        },
      ],
    },
  ],
}
