# The folders of engine/ in the order of the flow; what each may include is in engine/LAYERS.
set(engine_stages core model sources decode calls enrich features detect alerts sinks store app)

set(engine_libs PkgConfig::libpcap PkgConfig::libpcre2_8 PkgConfig::libevent
  PkgConfig::libevent_pthreads PkgConfig::libevent_openssl PkgConfig::hiredis PkgConfig::yaml_0_1 PkgConfig::libssl
  PkgConfig::libcrypto PkgConfig::zlib PkgConfig::libzstd PkgConfig::libxxhash Threads::Threads m)

add_library(engine STATIC)
target_link_libraries(engine PUBLIC ${engine_libs})
target_include_directories(engine PUBLIC ${CMAKE_SOURCE_DIR}/engine)

foreach(stage ${engine_stages})
  file(GLOB stage_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/engine/${stage}/*.c)
  list(FILTER stage_sources EXCLUDE REGEX "/app/main\\.c$")
  if(stage_sources)
    add_library(stage_${stage} OBJECT ${stage_sources})
    target_include_directories(stage_${stage} PUBLIC ${CMAKE_SOURCE_DIR}/engine)
    target_link_libraries(stage_${stage} PUBLIC ${engine_libs})
    target_sources(engine PRIVATE $<TARGET_OBJECTS:stage_${stage}>)
  endif()
endforeach()

if(EXISTS ${CMAKE_SOURCE_DIR}/engine/app/main.c)
  add_executable(ringfenced engine/app/main.c)
  target_link_libraries(ringfenced PRIVATE engine)
endif()
