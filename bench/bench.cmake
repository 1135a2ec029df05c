# bench/micro/bench_*.c: one program a hot path; bench/run.sh runs them.
file(GLOB micro CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/micro/bench_*.c)
foreach(source ${micro})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE engine)
endforeach()
