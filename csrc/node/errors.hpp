// Failures on their way to JavaScript, and the one place where a status becomes a sentence. The functions of the addon
// throw a Failure; their wrapper (exports.hpp) makes it a JavaScript error.
//
// One addon serves every copy of lib in its thread, and each copy may live in another realm (a vm context, a test file of
// Jest) with classes of its own. So each copy has an object of its own, with the addon's functions and a method
// `makeError`. The object that a function was called on makes the error. Nothing of a realm is kept here, so that it can be
// collected.
#pragma once

#include <node_api.h>

#include <initializer_list>
#include <string>

#include "jumpout_cuda.h"

namespace jumpout::node {

struct Failure {
  const char* errorClass;
  const char* code;
  std::string sentence;
  jumpout_cuda_error cuda = {};
};

// The JavaScript arguments that the fields of a C API struct come from.
struct ArgumentNames {
  struct Pair {
    const char* field;
    const char* argument;
  };
  const char* all;  // for a field that is not listed
  std::initializer_list<Pair> pairs;
};

inline constexpr ArgumentNames kNoNames{"this call", {}};
inline constexpr ArgumentNames kOnDeviceNames{"this call", {{"device", "options.device"}}};
inline constexpr ArgumentNames kForwardNames{"input, out and mask",
                                             {{"input", "input"},
                                              {"output", "options.out"},
                                              {"mask", "options.mask"},
                                              {"active", "options.active"},
                                              {"call_counter", "options.call"},
                                              {"call", "options.call"},
                                              {"seed", "options.seed"},
                                              {"stream", "options.stream"},
                                              {"layout", "options.shape"},
                                              {"total", "options.shard.total"},
                                              {"options", "options"}}};
inline constexpr ArgumentNames kBackwardNames{"gradOutput, out, mask and output",
                                              {{"grad_output", "gradOutput"},
                                               {"grad_input", "options.out"},
                                               {"mask", "saved.mask"},
                                               {"output", "options.output"},
                                               {"stream", "options.stream"}}};
inline constexpr ArgumentNames kCountNames{"input",
                                           {{"input", "input"},
                                            {"active", "options.out"},
                                            {"stream", "options.stream"},
                                            {"layout", "options.shape"}}};
inline constexpr ArgumentNames kIdentityNames{
    "input and out", {{"input", "input"}, {"output", "options.out"}, {"stream", "options.stream"}}};
inline constexpr ArgumentNames kCopyNames{"the copy", {{"stream", "options.stream"}}};

// A status and its details. The C API keeps them per thread, so this is made on the thread of the call.
struct Outcome {
  jumpout_status status = JUMPOUT_OK;
  std::string field = {};
  jumpout_cuda_error cuda = {};
};

Outcome outcomeOf(jumpout_status status);

// "Expected X for argument, got Y", as lib/errors.ts has it.
Failure wrongType(const char* expected, const char* argument, const char* got = "something else");
Failure outOfRange(const char* expected, const char* argument, const char* got);
Failure wrongValue(const std::string& expected, const std::string& argument, const std::string& got);
Failure wrongState(const char* expected, const char* argument, const char* got);
Failure wrongDevice(const char* what, int32_t expected, const char* argument, int32_t got);
Failure outOfMemory(const char* what);

// For a check that the binding itself makes.
Failure failureOf(jumpout_status status, const char* argument);
Failure failureOf(const Outcome& outcome, const ArgumentNames& names);

// Checks the status of a function of the C API.
inline void require(jumpout_status status, const ArgumentNames& names) {
  if (status != JUMPOUT_OK) throw failureOf(outcomeOf(status), names);
}

// A Node-API call failed, perhaps with a pending exception.
struct PendingFailure {};

inline void check(napi_status status) {
  if (status != napi_ok) throw PendingFailure{};
}

// Returns receiver.makeError(class, code, sentence, cudaName, number, sticky), without that method a plain Error.
napi_value makeError(napi_env env, napi_value receiver, const Failure& failure);

// ERR_OUT_OF_MEMORY of a call, made without memory of ours.
napi_value makeOutOfMemory(napi_env env, napi_value receiver);

// Inside a catch block: makes the caught exception the pending JavaScript exception.
void throwCaught(napi_env env, napi_value receiver) noexcept;

}  // namespace jumpout::node
