#include "node/errors.hpp"

#include <napi.h>

#include <exception>
#include <iterator>
#include <new>

#include "core/descriptor.hpp"

namespace jumpout::node {

namespace {

std::string sentenceOf(const std::string& expected, const std::string& argument, const std::string& got) {
  return "Expected " + expected + " for " + argument + ", got " + got;
}

Failure internal(const char* sentence) { return {"Error", "ERR_INTERNAL", sentence}; }

napi_value textOf(napi_env env, const char* text) {
  napi_value result;
  check(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result));
  return result;
}

// nullptr where the receiver has no such method: the addon was loaded without lib.
napi_value methodOf(napi_env env, napi_value receiver) {
  napi_value method;
  napi_valuetype type;
  if (receiver == nullptr || napi_get_named_property(env, receiver, "makeError", &method) != napi_ok)
    return nullptr;
  check(napi_typeof(env, method, &type));
  return type == napi_function ? method : nullptr;
}

Failure cudaFailure(const jumpout_cuda_error& error, const std::string& sentence) {
  return {"CudaError", "ERR_CUDA", sentence, error};
}

// CUDA's own name, number and text of the error.
Failure failureOfDevice(const jumpout_cuda_error& error) {
  std::string sentence =
      std::string(error.name) + " (" + std::to_string(error.number) + "): " + std::string(error.text);
  if (error.sticky != 0) sentence += "; the device is lost to this process";
  return cudaFailure(error, sentence);
}

std::string argumentOf(const std::string& field, const ArgumentNames& names) {
  for (const ArgumentNames::Pair& pair : names.pairs) {
    if (field == pair.field) return pair.argument;
  }
  return field.starts_with("layout.") ? "options.shape" : names.all;
}

// Takes no memory of ours.
napi_value makeError(napi_env env, napi_value receiver, const char* error_class, const char* code_text,
                     const char* sentence_text, const jumpout_cuda_error& cuda) {
  napi_value error;
  const napi_value code = textOf(env, code_text), sentence = textOf(env, sentence_text);
  const napi_value method = methodOf(env, receiver);
  if (method == nullptr) {
    check(napi_create_error(env, code, sentence, &error));
    return error;
  }
  const napi_value arguments[] = {textOf(env, error_class),
                                  code,
                                  sentence,
                                  textOf(env, cuda.name == nullptr ? "" : cuda.name),
                                  Napi::Number::New(env, cuda.number),
                                  Napi::Boolean::New(env, cuda.sticky != 0)};
  check(napi_call_function(env, receiver, method, std::size(arguments), arguments, &error));
  return error;
}

void throwOutOfMemory(napi_env env, napi_value receiver) noexcept {
  try {
    check(napi_throw(env, makeOutOfMemory(env, receiver)));
  } catch (...) {
    // As in throwCaught.
  }
}

}  // namespace

Failure wrongType(const char* expected, const char* argument, const char* got) {
  return {"TypeError", "ERR_INVALID_ARG_TYPE", sentenceOf(expected, argument, got)};
}

Failure outOfRange(const char* expected, const char* argument, const char* got) {
  return {"RangeError", "ERR_OUT_OF_RANGE", sentenceOf(expected, argument, got)};
}

Failure wrongValue(const std::string& expected, const std::string& argument, const std::string& got) {
  return {"TypeError", "ERR_INVALID_ARG_VALUE", sentenceOf(expected, argument, got)};
}

Failure wrongState(const char* expected, const char* argument, const char* got) {
  return {"Error", "ERR_INVALID_STATE", sentenceOf(expected, argument, got)};
}

Failure wrongDevice(const char* what, int32_t expected, const char* argument, int32_t got) {
  return wrongValue(what + (" of device " + std::to_string(expected)), argument,
                    "one of device " + std::to_string(got));
}

Failure outOfMemory(const char* what) {
  return {"RangeError", "ERR_OUT_OF_MEMORY", sentenceOf("enough free memory", what, "too little")};
}

Outcome outcomeOf(jumpout_status status) {
  if (status == JUMPOUT_OK) return {};
  Outcome outcome{status, jumpout_status_field(), {}};
  if (status == JUMPOUT_CUDA_ERROR) outcome.cuda = jumpout_last_cuda_error();
  return outcome;
}

Failure failureOf(const Outcome& outcome, const ArgumentNames& names) {
  if (outcome.status == JUMPOUT_CUDA_ERROR) return failureOfDevice(outcome.cuda);
  return failureOf(outcome.status, argumentOf(outcome.field, names).c_str());
}

Failure failureOf(jumpout_status status, const char* argument) {
  switch (status) {
    case JUMPOUT_NULL_POINTER: return wrongType("all arrays", argument, "one without memory");
    case JUMPOUT_BAD_LENGTH:
      return outOfRange("lengths that fit each other", argument, "lengths that do not");
    case JUMPOUT_BAD_OPTION: return outOfRange("numbers in their ranges", "options", "one outside its range");
    case JUMPOUT_OVERLAP:
      return wrongValue("the same memory or memory apart", argument, "arrays that overlap in part");
    case JUMPOUT_MISALIGNED:
      return wrongValue("memory aligned to its elements", argument, "a misaligned array");
    case JUMPOUT_OUT_OF_MEMORY: return outOfMemory("this call");
    case JUMPOUT_BAD_ENVIRONMENT: return {"Error", "ERR_BAD_ENVIRONMENT", jumpout_status_text(status)};
    case JUMPOUT_NO_CUDA:
      return cudaFailure({100, "cudaErrorNoDevice", "", 0},
                         std::string("CUDA is not available: ") + jumpout_status_text(status));
    case JUMPOUT_BAD_DEVICE: return wrongValue("one device, and one that exists,", argument, "another");
    case JUMPOUT_NOT_ON_DEVICE: return wrongValue("memory of a CUDA device", argument, "other memory");
    case JUMPOUT_CAPTURING:
      return cudaFailure({900, "cudaErrorStreamCaptureUnsupported", "", 0},
                         std::string("cudaErrorStreamCaptureUnsupported (900): ") + argument +
                             " would have to wait for a stream that is being captured");
    case JUMPOUT_CUDA_ERROR: return failureOfDevice(jumpout_last_cuda_error());
    case JUMPOUT_OK: break;
  }
  return internal(jumpout_status_text(status));
}

napi_value makeError(napi_env env, napi_value receiver, const Failure& failure) {
  return makeError(env, receiver, failure.errorClass, failure.code, failure.sentence.c_str(), failure.cuda);
}

napi_value makeOutOfMemory(napi_env env, napi_value receiver) {
  return makeError(env, receiver, "RangeError", "ERR_OUT_OF_MEMORY",
                   "Expected enough free memory for this call, got too little", {});
}

void throwCaught(napi_env env, napi_value receiver) noexcept {
  const auto raise = [&](const Failure& failure) {
    check(napi_throw(env, makeError(env, receiver, failure)));
  };
  try {
    try {
      throw;
    } catch (const Failure& failure) {
      raise(failure);
    } catch (const NotAnInteger&) {
      raise(failureOf(JUMPOUT_BAD_OPTION, "descriptor"));
    } catch (const PendingFailure&) {
      bool pending = false;
      if (napi_is_exception_pending(env, &pending) != napi_ok || !pending)
        raise(internal("a call of Node-API failed"));
    } catch (const std::bad_alloc&) {
      check(napi_throw(env, makeOutOfMemory(env, receiver)));
    } catch (const std::exception& exception) {
      raise(internal(exception.what()));  // also for a Napi::Error, which would be of the addon's realm
    }
  } catch (const std::bad_alloc&) {  // there was none for the sentence of another failure
    throwOutOfMemory(env, receiver);
  } catch (...) {
    // A worker thread that is being terminated cannot make an error, and runs no code that could catch it.
  }
}

}  // namespace jumpout::node
