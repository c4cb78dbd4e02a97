#include "node/errors.hpp"

#include <napi.h>

#include <new>

namespace jumpout::node {

namespace {

std::string sentenceOf(const std::string& expected, const std::string& argument, const std::string& got) {
  return "Expected " + expected + " for " + argument + ", got " + got;
}

Failure internal(const char* sentence) { return {ErrorClass::kError, "ERR_INTERNAL", sentence}; }

Napi::Error toError(Napi::Env env, const Failure& failure) {
  const auto make = [&]() -> Napi::Error {
    switch (failure.errorClass) {
      case ErrorClass::kTypeError: return Napi::TypeError::New(env, failure.sentence);
      case ErrorClass::kRangeError: return Napi::RangeError::New(env, failure.sentence);
      case ErrorClass::kError: break;
    }
    return Napi::Error::New(env, failure.sentence);
  };
  Napi::Error error = make();
  error.Set("code", failure.code);
  return error;
}

}  // namespace

Failure wrongType(const char* expected, const char* argument) {
  return {ErrorClass::kTypeError, "ERR_INVALID_ARG_TYPE", sentenceOf(expected, argument, "something else")};
}

Failure outOfMemory(const char* what) {
  return {ErrorClass::kRangeError, "ERR_OUT_OF_MEMORY", sentenceOf("enough free memory", what, "too little")};
}

Failure failureOf(jumpout_status status, const char* arrays) {
  switch (status) {
    case JUMPOUT_NULL_POINTER:
      return {ErrorClass::kTypeError, "ERR_INVALID_ARG_TYPE",
              sentenceOf("all arrays", arrays, "one without memory")};
    case JUMPOUT_BAD_LENGTH:
      return {ErrorClass::kRangeError, "ERR_OUT_OF_RANGE",
              sentenceOf("lengths that fit each other", arrays, "lengths that do not")};
    case JUMPOUT_BAD_OPTION:
      return {ErrorClass::kRangeError, "ERR_OUT_OF_RANGE",
              sentenceOf("numbers in their ranges", "options", "one outside its range")};
    case JUMPOUT_OVERLAP:
      return {ErrorClass::kTypeError, "ERR_INVALID_ARG_VALUE",
              sentenceOf("the same memory or memory apart", arrays, "arrays that overlap in part")};
    case JUMPOUT_MISALIGNED:
      return {ErrorClass::kTypeError, "ERR_INVALID_ARG_VALUE",
              sentenceOf("memory aligned to its elements", arrays, "a misaligned array")};
    case JUMPOUT_OUT_OF_MEMORY: return outOfMemory("this call");
    case JUMPOUT_BAD_ENVIRONMENT:
      return {ErrorClass::kError, "ERR_BAD_ENVIRONMENT", jumpout_status_text(status)};
    case JUMPOUT_OK: break;
  }
  return internal(jumpout_status_text(status));
}

napi_value makeError(napi_env env, const Failure& failure) { return toError(env, failure).Value(); }

void throwCaught(napi_env env) noexcept {
  try {
    try {
      throw;
    } catch (const Failure& failure) {
      toError(env, failure).ThrowAsJavaScriptException();
    } catch (const PendingFailure&) {
      bool pending = false;
      if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) {
        toError(env, internal("a call of Node-API failed")).ThrowAsJavaScriptException();
      }
    } catch (const std::bad_alloc&) {
      toError(env, outOfMemory("this call")).ThrowAsJavaScriptException();
    } catch (const Napi::Error& error) {
      error.ThrowAsJavaScriptException();
    } catch (const std::exception& exception) {
      toError(env, internal(exception.what())).ThrowAsJavaScriptException();
    }
  } catch (...) {
    // Not even an error can be made (a worker that is being terminated): there is nobody left to tell.
  }
}

}  // namespace jumpout::node
